import json

iam = client("iam")
functions = client("lambda")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
archive = b"PK\x03\x04"
arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pay"
wanted = dict(FunctionName="pay", Role=role, Runtime="python3.13", Handler="index.handler", Description="pays", Timeout=20)


answers = []


def made():
    try:
        answers.append(functions.create_function(**wanted, Code={"ZipFile": archive}, Tags={"team": "payments"}))
    except ClientError:
        pass
    return answers


until("the role is known", made)
made = answers[0]
holds("made", made, **wanted, FunctionArn=arn, State="Pending", Version="$LATEST", MemorySize=128, PackageType="Zip")
refused("ResourceConflictException", functions.create_function, **wanted, Code={"ZipFile": archive})
until("active", lambda: functions.get_function_configuration(FunctionName=arn)["State"] == "Active")
found = functions.get_function(FunctionName="pay")
same("tags", found["Tags"], {"team": "payments"})
same("by name in an ARN", found["Configuration"]["FunctionArn"], arn)
functions.get_waiter("function_active_v2").wait(FunctionName="pay")
same("changed", functions.update_function_configuration(FunctionName="pay", MemorySize=256)["LastUpdateStatus"], "InProgress")
functions.get_waiter("function_updated_v2").wait(FunctionName="pay")
same("first", functions.publish_version(FunctionName="pay")["Version"], "1")
same("the same", functions.publish_version(FunctionName="pay")["Version"], "1")
functions.update_function_code(FunctionName="pay", ZipFile=archive + b"x")
functions.get_waiter("function_updated_v2").wait(FunctionName="pay")
same("second", functions.publish_version(FunctionName="pay")["Version"], "2")
items, count = pages(functions, "list_versions_by_function", "Versions", 2, FunctionName="pay")
same("by pages", ([v["Version"] for v in items], count), (["$LATEST", "1", "2"], 2))
same("listed", [f["FunctionName"] for f in functions.list_functions()["Functions"]], ["pay"])
statement = functions.add_permission(
    FunctionName="pay", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b"
)["Statement"]
same("statement", json.loads(statement)["Condition"], {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}})
policy = json.loads(functions.get_policy(FunctionName="pay")["Policy"])
same("policy", [s["Sid"] for s in policy["Statement"]], ["s"])
refused("ResourceConflictException", functions.add_permission, FunctionName="pay", StatementId="s", Action="*", Principal="*")
functions.remove_permission(FunctionName="pay", StatementId="s")
refused("ResourceNotFoundException", functions.get_policy, FunctionName="pay")
refused("ResourceNotFoundException", functions.remove_permission, FunctionName="pay", StatementId="s")
functions.put_function_concurrency(FunctionName="pay", ReservedConcurrentExecutions=3)
same("reserved", functions.get_function(FunctionName="pay")["Concurrency"], {"ReservedConcurrentExecutions": 3})
functions.delete_function_concurrency(FunctionName="pay")
functions.tag_resource(Resource=arn, Tags={"stage": "test"})
functions.untag_resource(Resource=arn, TagKeys=["team"])
same("tags", functions.list_tags(Resource=arn)["Tags"], {"stage": "test"})
same("accepted", functions.invoke(FunctionName="pay", InvocationType="Event", Payload=b"{}")["StatusCode"], 202)
same("answered", functions.invoke(FunctionName="pay")["StatusCode"], 200)
functions.delete_function(FunctionName="pay", Qualifier="1")
refused("ResourceNotFoundException", functions.get_function, FunctionName="pay", Qualifier="1")
same("the others stay", functions.get_function(FunctionName="pay", Qualifier="2")["Configuration"]["Version"], "2")
functions.delete_function(FunctionName="pay")
refused("ResourceNotFoundException", functions.get_function, FunctionName="pay", Qualifier="2")
refused("ResourceNotFoundException", functions.delete_function, FunctionName="pay")
