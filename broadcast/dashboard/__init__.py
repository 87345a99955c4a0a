"""The dashboard: the same campaigns, instances and opt-outs as the API's, as pages for people. Thin: it asks `api.asking`."""
