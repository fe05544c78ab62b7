"""Answers a request of a custom resource. Put beside inline code that says `import cfnresponse`."""

import json
import urllib.request

SUCCESS = "SUCCESS"
FAILED = "FAILED"


def send(event, context, responseStatus, responseData, physicalResourceId=None, noEcho=False, reason=None):
    """Puts the answer where the request says. Called once; what follows it in the handler still runs."""
    stream = context.log_stream_name
    answer = {
        "Status": responseStatus,
        "Reason": reason or "The details are in the CloudWatch log stream " + stream,
        "PhysicalResourceId": physicalResourceId or stream,
        "NoEcho": noEcho,
        "Data": responseData,
    }
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        answer[name] = event[name]
    body = json.dumps(answer).encode("utf-8")
    # The URL is signed for a request without a content type.
    request = urllib.request.Request(event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""})
    try:
        with urllib.request.urlopen(request) as response:
            print("The custom resource's answer was taken:", response.status)
    except Exception as error:
        print("The custom resource's answer could not be sent:", error)
