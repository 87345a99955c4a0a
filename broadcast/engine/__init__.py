"""What the product does: accept, plan, send, settle, steer, tell. No Flask, no Celery: the callers queue."""
