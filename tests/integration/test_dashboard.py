from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import a_body
def test_x(services: Services) -> None:
    c = create_app(services).test_client()
    print(c.post("/queue/add-broadcast", json={k:v for k,v in a_body("c1","loja").items() if k!="action"}).json)
    for p in ["", "/campaigns/c1", "/campaigns/c1/contacts", "/instances", "/new", "/suppressions", "/login", "/nix", "/campaigns/c1/pause","/static/dashboard.js", "/campaigns/nope"]:
        r = c.get("/dashboard"+p, buffered=True)
        print(p, r.status_code, len(r.data), r.headers.get("Location"))
        if r.status_code >= 500: print(r.text)
