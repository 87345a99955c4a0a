"""The dashboard: the API's campaigns, instances and opt-outs as pages for people. Thin: it asks `api.asking`."""
