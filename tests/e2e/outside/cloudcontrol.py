import json

control = client("cloudcontrol")
API, GROUP = "AWS::ApiGatewayV2::Api", "AWS::Athena::WorkGroup"


def over(event):
    """The progress of a request that has come to its end."""
    token = event["ProgressEvent"]["RequestToken"]
    last = {}

    def ended():
        last.update(control.get_resource_request_status(RequestToken=token)["ProgressEvent"])
        return last["OperationStatus"] in ("SUCCESS", "FAILED", "CANCEL_COMPLETE")

    until("a request ends", ended)
    return last


def make(kind, state, **more):
    return over(control.create_resource(TypeName=kind, DesiredState=json.dumps(state), **more))


def read(kind, identifier):
    described = control.get_resource(TypeName=kind, Identifier=identifier)["ResourceDescription"]
    same("identifier", described["Identifier"], identifier)
    return json.loads(described["Properties"])


made = make(API, {"Name": "door", "ProtocolType": "HTTP", "Tags": {"team": "a"}}, ClientToken="once")
holds("create", made, OperationStatus="SUCCESS", Operation="CREATE", TypeName=API)
api = made["Identifier"]
holds("api", read(API, api), Name="door", ApiId=api, Tags={"team": "a"})
again = control.create_resource(
    TypeName=API, DesiredState=json.dumps({"Name": "door", "ProtocolType": "HTTP", "Tags": {"team": "a"}}), ClientToken="once"
)
same("the same token", again["ProgressEvent"]["RequestToken"], made["RequestToken"])
refused("ClientTokenConflictException", control.create_resource, TypeName=API, DesiredState="{\"ProtocolType\": \"HTTP\"}", ClientToken="once")
refused("TypeNotFoundException", control.create_resource, TypeName="AWS::Nope::Nope", DesiredState="{}")
refused("UnsupportedActionException", control.create_resource, TypeName="AWS::EC2::VPC", DesiredState="{}")
refused("ResourceNotFoundException", control.get_resource, TypeName=API, Identifier="nope")
refused("RequestTokenNotFoundException", control.get_resource_request_status, RequestToken="nope")

patch = [{"op": "replace", "path": "/Name", "value": "gate"}, {"op": "remove", "path": "/Tags/team"}]
done = over(control.update_resource(TypeName=API, Identifier=api, PatchDocument=json.dumps(patch)))
holds("update", done, OperationStatus="SUCCESS", Operation="UPDATE", Identifier=api)
holds("api", read(API, api), Name="gate")

holds("duplicate", make(GROUP, {"Name": "g"}), OperationStatus="SUCCESS", Identifier="g")
holds("duplicate", make(GROUP, {"Name": "g"}), OperationStatus="FAILED", ErrorCode="AlreadyExists")
make(GROUP, {"Name": "h"})
pages = list(control.get_paginator("list_resources").paginate(TypeName=GROUP, MaxResults=1))
same("pages", [page["ResourceDescriptions"][0]["Identifier"] for page in pages], ["g", "h"])
events = control.list_resource_requests(ResourceRequestStatusFilter={"OperationStatuses": ["FAILED"]})
same("failed requests", [event["ErrorCode"] for event in events["ResourceRequestStatusSummaries"]], ["AlreadyExists"])

refused("TypeNotFoundException", client("cloudformation").describe_type, Type="RESOURCE", TypeName="Org::No::Type")
for identifier in ("g", "h"):
    holds("delete", over(control.delete_resource(TypeName=GROUP, Identifier=identifier)), OperationStatus="SUCCESS")
holds("delete", over(control.delete_resource(TypeName=GROUP, Identifier="g")), OperationStatus="FAILED", ErrorCode="NotFound")
