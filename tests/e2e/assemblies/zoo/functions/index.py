"""Answers a custom resource, and everything else with what it was given."""


def handler(event, context):
    return {"Data": event.get("ResourceProperties", {}), "event": event}
