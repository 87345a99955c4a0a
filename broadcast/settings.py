"""Every setting: its name in the environment, its default, what it means, and how it is checked.

Settings are read once, by a door (`web`, `worker`, `cli`) or by `wiring`; no other room looks at the environment.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broadcast.domain.optout import read_words
from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.domain.zone import zone_of
from broadcast.errors import SettingsError


@dataclass(frozen=True)
class ApiKey:
    """One caller: a name for the logs, a secret, and the instances it may use (None: every one)."""

    name: str
    secret: str = field(repr=False)
    instances: frozenset[str] | None = None

    def may_use(self, instance: str) -> bool:
        """Whether this key may send through, or look at, the instance."""
        return self.instances is None or instance in self.instances


#: Less than this can be guessed by whoever gets hold of a copy of Redis.
LEAST_SECRET = 32
#: The least that Standard Webhooks allows, in bytes.
LEAST_SIGNING_KEY = 24


@dataclass(frozen=True, kw_only=True)
class Access:
    """The settings that a dialect's gateway is made of, by their fields; credentials have the catalogue's names."""

    url: str
    credentials: Mapping[str, str]
    required: tuple[str, ...] = ()
    checks_webhooks: str  #: without it, everybody's webhook calls are taken


#: GATEWAY -> its settings
ACCESS: Mapping[str, Access] = {
    "sandbox": Access(
        url="sandbox_url", credentials={"webhookToken": "webhook_token"}, checks_webhooks="webhook_token"
    ),
    "evolution": Access(
        url="evolution_url",
        credentials={"apiKey": "evolution_api_key", "webhookToken": "webhook_token"},
        required=("evolution_url", "evolution_api_key"),
        checks_webhooks="webhook_token",
    ),
    "cloud": Access(
        url="cloud_api_url",
        credentials={
            "token": "cloud_api_token",
            "appSecret": "cloud_app_secret",
            "verifyToken": "cloud_verify_token",
        },
        required=("cloud_api_token",),
        checks_webhooks="cloud_app_secret",
    ),
    "waha": Access(
        url="waha_url",
        credentials={"apiKey": "waha_api_key", "hmacKey": "waha_hmac_key"},
        required=("waha_url", "waha_api_key"),
        checks_webhooks="waha_hmac_key",
    ),
}


def _zone(value: str) -> str:
    try:
        zone_of(value)
    except ValueError as error:
        raise ValueError("use an IANA time zone such as America/Sao_Paulo") from error
    return value


def _flag(value: str) -> bool:
    if value not in {"0", "1"}:
        raise ValueError("use 1 or 0")
    return value == "1"


def _text(value: str) -> str:
    return value


def _secret(value: str) -> str:
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("use printable ASCII without blanks, as a header can carry it")
    return value


def _long_secret(value: str) -> str:
    if len(value) < LEAST_SECRET:
        raise ValueError(f"use {LEAST_SECRET} characters or more, such as those of: openssl rand -hex 32")
    return value


def _signing_keys(value: str) -> tuple[bytes, ...]:
    return tuple(_signing_key(secret) for secret in value.split())


def _signing_key(secret: str) -> bytes:
    text = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True) if text != secret else text.encode()
    except ValueError as error:
        raise ValueError("write what follows whsec_ in base64") from error
    if len(key) < LEAST_SIGNING_KEY:
        raise ValueError(f"use {LEAST_SIGNING_KEY} bytes or more, such as: whsec_$(openssl rand -base64 32)")
    return key


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            raise ValueError(f"write it as {schemes[0]}://host:port")
        return value.rstrip("/")

    return parse


def _page(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise ValueError("write it as a browser asks for it, such as https://flower.example or https://host/flower/")
    return value


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"-?\d+", value) or not least <= int(value) <= most:
            raise ValueError(f"use a whole number from {least} to {most}")
        return int(value)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"use one of {', '.join(choices)}")
        return value

    return parse


def _rate(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*/[smh]", value):
        raise ValueError("use a Celery rate such as 500/s or 3000/m")
    return value


def _quota(value: str) -> tuple[int, int] | None:
    """How many, in how many ms; None for any number."""
    if value == "0":
        return None
    try:
        count, _, unit = _rate(value).partition("/")
    except ValueError as error:
        raise ValueError("use a rate such as 600/m or 20/s, or 0 for none") from error
    return int(count), {"s": 1000, "m": 60_000, "h": 3_600_000}[unit]


def _country(value: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", value):
        raise ValueError("use a two-letter country code in capitals, such as BR")
    return value


def _hosts(value: str) -> frozenset[str]:
    names = frozenset(filter(None, (part.strip().lower().removesuffix(".") for part in value.split(","))))
    if not all(re.fullmatch(r"[\w-]+(\.[\w-]+)*", name) for name in names):
        raise ValueError("write names alone, without http:// and port, such as broadcast.internal, web")
    return names


def _origins(value: str) -> frozenset[str]:
    origins = frozenset(filter(None, (part.strip().lower().rstrip("/") for part in value.split(","))))
    if not all(re.fullmatch(r"https?://[^\s/?#@*]+", origin) for origin in origins):
        raise ValueError("write each as a browser does, without a path, such as https://crm.example, and never *")
    return origins


def _basic_auth(value: str) -> str:
    if not re.fullmatch(r"[^:\s]+:\S+", value):
        raise ValueError("write it as user:password")
    return value


def _keys(value: str) -> tuple[ApiKey, ...]:
    keys = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, _, rest = entry.partition(":")
        secret, _, instances = rest.partition(":")
        if not name or len(secret) < 8:
            raise ValueError("write each key as name:secret or name:secret:instance|instance, secret of 8 or more")
        keys.append(ApiKey(name, secret, frozenset(instances.split("|")) if instances else None))
    if len({key.secret for key in keys}) != len(keys):
        raise ValueError("two keys have the same secret; give each its own")
    return tuple(keys)


def _setting(variable: str, parse: Callable[[str], Any], default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"variable": variable, "parse": parse, "meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, checked. `Settings.read()` takes them from the environment."""

    # ruff: noqa: RUF009 - `_setting` is dataclasses.field with a name, a check and a meaning
    redis_url: str | None = _setting(
        "REDIS_URL",
        _url("redis", "rediss", "unix"),
        None,
        "Redis that holds the state and the results; unset: the embedded one in DATA_DIR.",
    )
    broker_url: str | None = _setting(
        "BROKER_URL",
        _url("redis", "rediss", "amqp", "amqps"),
        None,
        "Celery's broker; unset: the same Redis as REDIS_URL.",
    )
    data_dir: Path = _setting("DATA_DIR", Path, Path("data"), "Folder of the embedded Redis.")
    port: int = _setting("PORT", _whole(1, 65535), 3001, "Port of the API.")
    live_streams: int = _setting(
        "LIVE_STREAMS",
        _whole(0, 900),
        64,
        "Event streams that each of the API's processes holds open at once; one more is answered 503.",
    )
    webhook_port: int = _setting("WEBHOOK_PORT", _whole(1, 65535), 3002, "Port that receives the gateways' receipts.")
    worker_http_port: int = _setting(
        "WORKER_HTTP_PORT",
        _whole(1, 65535),
        3004,
        "Port of a broadcast worker's /health and /metrics; the next free one for further workers on a host.",
    )
    flower_port: int = _setting("FLOWER_PORT", _whole(1, 65535), 5555, "Port of Flower.")
    flower_url: str | None = _setting(
        "FLOWER_URL",
        _page,
        None,
        "Address by which browsers reach Flower, to link to; unset: the dashboard's own host, at FLOWER_PORT.",
    )
    flower_basic_auth: str | None = _setting(
        "FLOWER_BASIC_AUTH", _basic_auth, None, "user:password of Flower; unset: Flower listens on loopback only."
    )
    api_keys: tuple[ApiKey, ...] = _setting(
        "API_KEYS",
        _keys,
        (),
        "name:secret[:instance|instance…], comma separated, beside those of `broadcast keys`; no key: loopback only.",
    )
    supabase_jwt_secret: str | None = _setting(
        "SUPABASE_JWT_SECRET",
        _long_secret,
        None,
        "Supabase's JWT secret (HS256): callers may present a user's token instead of a key; unset: they may not.",
    )
    allowed_hosts: frozenset[str] = _setting(
        "ALLOWED_HOSTS",
        _hosts,
        frozenset(),
        "Names, comma separated, by which the API may be asked while there is no key, beside localhost and addresses.",
    )
    cors_origins: frozenset[str] = _setting(
        "CORS_ORIGINS",
        _origins,
        frozenset(),
        "Origins, comma separated, whose pages may call the API from a browser, with a key or a token; unset: none.",
    )
    api_rate_limit: tuple[int, int] | None = _setting(
        "API_RATE_LIMIT", _quota, (1200, 60_000), "Requests that one caller of the API may make, per s, m or h; 0: any."
    )
    wrong_key_limit: tuple[int, int] | None = _setting(
        "WRONG_KEY_LIMIT", _quota, (20, 60_000), "Wrong keys that may come from one address, per s, m or h; 0: any."
    )
    dashboard_rate_limit: tuple[int, int] | None = _setting(
        "DASHBOARD_RATE_LIMIT",
        _quota,
        (6000, 60_000),  # fifty open pages may each ask for something every second, and leave as much again
        "Pages, and what open ones ask for, that one session of the dashboard may have, per s, m or h; 0: any.",
    )
    trust_proxy: bool = _setting(
        "TRUST_PROXY",
        _flag,
        False,
        "1: a proxy in front sets X-Forwarded-For and X-Forwarded-Proto anew; they are believed. 0: they are not.",
    )
    gateway: str = _setting(
        "GATEWAY",
        _one_of(*ACCESS),
        "sandbox",
        "Dialect of the gateway that instances are sent through which are not registered one by one.",
    )
    sandbox_url: str = _setting(
        "SANDBOX_URL", _url("http"), "http://127.0.0.1:3010", "Address of the sandbox gateway, which sends to nobody."
    )
    evolution_url: str | None = _setting(
        "EVOLUTION_URL", _url("http", "https"), None, "Address of the Evolution API server."
    )
    evolution_api_key: str | None = _setting(
        "EVOLUTION_API_KEY", _secret, None, "Evolution API's global or instance key."
    )
    cloud_api_url: str = _setting(
        "CLOUD_API_URL",
        _url("https", "http"),
        "https://graph.facebook.com/v23.0",
        "Address of Meta's Graph API, with its version.",
    )
    cloud_api_token: str | None = _setting(
        "CLOUD_API_TOKEN", _secret, None, "Token of a system user who may send through the Cloud API."
    )
    cloud_app_secret: str | None = _setting(
        "CLOUD_APP_SECRET",
        _text,
        None,
        "The Meta app's secret, which signs its webhook calls; unset: they are taken on loopback only, unchecked.",
    )
    cloud_verify_token: str | None = _setting(
        "CLOUD_VERIFY_TOKEN", _text, None, "What Meta says to have a webhook's address confirmed; unset: none is."
    )
    waha_url: str | None = _setting("WAHA_URL", _url("http", "https"), None, "Address of the WAHA server.")
    waha_api_key: str | None = _setting("WAHA_API_KEY", _secret, None, "WAHA's key, or a session's.")
    waha_hmac_key: str | None = _setting(
        "WAHA_HMAC_KEY",
        _text,
        None,
        "Key that signs WAHA's webhook calls; unset: they are taken on loopback only, unchecked.",
    )
    secret_key: str | None = _setting(
        "SECRET_KEY",
        _long_secret,
        None,
        "Encrypts registered instances' credentials, keys the hashes of forgotten people and signs the dashboard's "
        "sessions, the same for every process; unset: no credentials are taken, those hashes are plain, and Redis "
        "keeps a random secret for the sessions.",
    )
    webhook_token: str | None = _setting(
        "WEBHOOK_TOKEN",
        _text,
        None,
        "Secret that Evolution's webhook calls carry; unset: receipts are taken on loopback only, unchecked.",
    )
    callback_secret: tuple[bytes, ...] = _setting(
        "CALLBACK_SECRET",
        _signing_keys,
        (),
        "Signs the callbacks: whsec_ and base64, or a text; several, separated by blanks, while the CRM changes over. "
        "Unset: no campaign with a callbackUrl is taken.",
    )
    callback_allow_private: bool = _setting(
        "CALLBACK_ALLOW_PRIVATE",
        _flag,
        False,
        "1: callbacks may go to loopback, link-local and private addresses.",
    )
    media_allow_private: bool = _setting(
        "MEDIA_ALLOW_PRIVATE",
        _flag,
        False,
        "1: gateways may be told to fetch media from loopback, link-local and private addresses.",
    )
    default_rate_limit_ms: int = _setting(
        "DEFAULT_RATE_LIMIT_MS",
        _whole(10, 86_400_000),
        2000,
        "Least time between two messages of one instance, in ms, for a campaign that names none.",
    )
    default_jitter_ms: int = _setting(
        "DEFAULT_JITTER_MS",
        _whole(0, 86_400_000),
        0,
        "Each gap is lengthened by a random 0 to this many ms, for a campaign that names none.",
    )
    fanout_horizon_s: int = _setting(
        "FANOUT_HORIZON_S", _whole(2, 30), 10, "How many seconds of a lane's departures are in Celery at a time."
    )
    fanout_limit: int = _setting(
        "FANOUT_LIMIT", _whole(1, 2000), 500, "How many contacts of a lane are in Celery at a time, at the most."
    )
    send_timeout_s: int = _setting(
        "SEND_TIMEOUT_S", _whole(1, 300), 30, "Seconds to wait for a gateway's answer before it counts as unknown."
    )
    send_max_attempts: int = _setting(
        "SEND_MAX_ATTEMPTS",
        _whole(1, 100),
        5,
        "Attempts at one contact before it has failed with the gateway's reason.",
    )
    send_concurrency: int = _setting(
        "SEND_CONCURRENCY", _whole(1, 1000), 100, "Requests that one broadcast worker may have on the wire at once."
    )
    send_rate_limit: str = _setting(
        "SEND_RATE_LIMIT",
        _rate,
        "500/s",
        "Celery's rate_limit of the send task, per worker: a fuse, never the pace. Can be turned in Flower.",
    )
    worker_max_memory_mb: int = _setting(
        "WORKER_MAX_MEMORY", _whole(64, 1_048_576), 512, "MB above which `broadcast up` drains and restarts a worker."
    )
    default_country: str = _setting(
        "DEFAULT_COUNTRY", _country, "BR", "Country of a phone number that has no country code."
    )
    optout_words: frozenset[str] = _setting(
        "OPTOUT_WORDS",
        read_words,
        DEFAULT_WORDS,
        "What opts somebody out who writes it and nothing else, comma separated, beside our words; after =, instead.",
    )
    default_time_zone: str = _setting(
        "DEFAULT_TIME_ZONE",
        _zone,
        "America/Sao_Paulo",
        "IANA time zone of the days by which an instance's daily cap counts, if it has no sending window.",
    )
    report_retention_days: int = _setting(
        "REPORT_RETENTION_DAYS",
        _whole(0, 36_500),
        90,
        "Days after which a campaign that is over is removed, with its contacts; 0 keeps them for ever.",
    )
    fault_injection: bool = _setting(
        "FAULT_INJECTION",
        _flag,
        False,
        "1: processes kill or freeze themselves at named steps where a test says so; refused outside the sandbox.",
    )
    log_level: str = _setting(
        "LOG_LEVEL", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least level that is logged."
    )
    log_format: str = _setting("LOG_FORMAT", _one_of("text", "json"), "text", "One line of text or of JSON per deed.")

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings in `environ` (default: the process's). Raises SettingsError for the first wrong one."""
        environ = os.environ if environ is None else environ
        values = {}
        for item in fields(cls):
            text = environ.get(item.metadata["variable"], "").strip()
            if text:
                values[item.name] = _parse(item.metadata["variable"], item.metadata["parse"], text)
        settings = cls(**values)
        settings.check()
        return settings

    @property
    def access(self) -> Access:
        """The settings that the gateway in use is made of."""
        return ACCESS[self.gateway]

    @property
    def key_names(self) -> frozenset[str]:
        """The names of the keys in API_KEYS."""
        return frozenset(key.name for key in self.api_keys)

    @property
    def gateway_url(self) -> str:
        """Where the gateway in use is."""
        return self.url_of(self.gateway) or ""

    @property
    def gateway_credentials(self) -> Mapping[str, str]:
        """The credentials of the gateway in use that are set, by the names in the catalogue."""
        return self.credentials_of(self.gateway)

    @property
    def checks_webhooks(self) -> bool:
        """Whether webhook calls are told from a stranger's, so that they may come from beyond the loopback."""
        return bool(getattr(self, self.access.checks_webhooks))

    def credentials_of(self, dialect: str) -> Mapping[str, str]:
        """The same of a dialect's gateway."""
        found = {name: getattr(self, field) for name, field in ACCESS[dialect].credentials.items()}
        return {name: value for name, value in found.items() if value is not None}

    def url_of(self, dialect: str) -> str | None:
        """Where the gateway of a dialect is; None where no setting says."""
        url: str | None = getattr(self, ACCESS[dialect].url)
        return url

    def check(self) -> None:
        """Raise SettingsError for settings that contradict each other."""
        for name in self.access.required:
            if getattr(self, name) is None:
                missing = f"missing, and GATEWAY is {self.gateway}"
                raise SettingsError(variable_of(name), missing, "Set it, or use GATEWAY=sandbox.")
        if self.fault_injection and (self.gateway != "sandbox" or self.api_keys):
            raise SettingsError(
                "FAULT_INJECTION",
                "set, and this is no sandbox: GATEWAY is another, or API_KEYS are set",
                "Unset it; it lets anybody who reaches Redis kill a worker at its worst moment.",
            )
        ports = {"PORT": self.port, "WEBHOOK_PORT": self.webhook_port, "FLOWER_PORT": self.flower_port}
        for variable, port in ports.items():
            if list(ports.values()).count(port) > 1:
                raise SettingsError(variable, f"port {port} is used twice", "Give each process a port of its own.")


def variable_of(name: str) -> str:
    """The environment variable of one of the settings' fields."""
    variable: str = next(item.metadata["variable"] for item in fields(Settings) if item.name == name)
    return variable


def _parse(variable: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        secret = any(word in variable for word in ("KEY", "TOKEN", "SECRET", "AUTH", "URL"))
        shown = "the value" if secret else json.dumps(text)
        raise SettingsError(variable, f"{shown} is not right", f"{str(error)[:1].upper()}{str(error)[1:]}.") from error
