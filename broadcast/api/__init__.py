"""The HTTP API: thin views that parse, ask the engine, and answer."""
