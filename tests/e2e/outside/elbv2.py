ec2 = client("ec2")
elb = client("elbv2")
vpc, one, two = network(ec2)
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
group = ec2.create_security_group(GroupName="lb", Description="lb", VpcId=vpc)["GroupId"]

balancer = dict(Name="shop", Subnets=[one, two], SecurityGroups=[group], Scheme="internet-facing", Type="application", Tags=tags({"Name": "shop"}))
made = elb.create_load_balancer(**balancer)["LoadBalancers"][0]
arn = made["LoadBalancerArn"]
same("the same again", elb.create_load_balancer(**balancer)["LoadBalancers"][0]["LoadBalancerArn"], arn)


def found():
    return elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]


until("active", lambda: found()["State"]["Code"] == "active")
holds("balancer", found(), LoadBalancerName="shop", Scheme="internet-facing", Type="application", VpcId=vpc, SecurityGroups=[group], IpAddressType="ipv4")
same("zones", sorted(z["SubnetId"] for z in found()["AvailabilityZones"]), sorted([one, two]))
refused("ValidationError", elb.create_load_balancer, Name="narrow", Subnets=[one], Type="application")


def attribute(name):
    answer = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return next(a["Value"] for a in answer if a["Key"] == name)


same("idle", attribute("idle_timeout.timeout_seconds"), "60")
elb.modify_load_balancer_attributes(
    LoadBalancerArn=arn,
    Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "90"}, {"Key": "deletion_protection.enabled", "Value": "true"}],
)
same("idle", attribute("idle_timeout.timeout_seconds"), "90")
refused("OperationNotPermitted", elb.delete_load_balancer, LoadBalancerArn=arn)
elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}])

target = elb.create_target_group(
    Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip", HealthCheckPath="/health",
    HealthCheckIntervalSeconds=15, HealthyThresholdCount=2, Matcher={"HttpCode": "200-299"}, Tags=tags({"Name": "web"}),
)["TargetGroups"][0]
target_arn = target["TargetGroupArn"]
holds(
    "target group", elb.describe_target_groups(TargetGroupArns=[target_arn])["TargetGroups"][0], Protocol="HTTP", Port=8080,
    TargetType="ip", HealthCheckPath="/health", HealthCheckIntervalSeconds=15, HealthyThresholdCount=2,
    UnhealthyThresholdCount=2, Matcher={"HttpCode": "200-299"}, ProtocolVersion="HTTP1", VpcId=vpc,
)
refused("DuplicateTargetGroupName", elb.create_target_group, Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
elb.modify_target_group(TargetGroupArn=target_arn, HealthCheckPath="/up")
same("path", elb.describe_target_groups(TargetGroupArns=[target_arn])["TargetGroups"][0]["HealthCheckPath"], "/up")
elb.modify_target_group_attributes(TargetGroupArn=target_arn, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}])
values = {a["Key"]: a["Value"] for a in elb.describe_target_group_attributes(TargetGroupArn=target_arn)["Attributes"]}
same("delay", values["deregistration_delay.timeout_seconds"], "10")
same("stickiness", values["stickiness.enabled"], "false")

forward = [{"Type": "forward", "TargetGroupArn": target_arn}]
listener = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
again = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)["Listeners"][0]
same("the same again", again["ListenerArn"], listener)
other = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
refused("DuplicateListener", elb.create_listener, LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=other)
action = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]
same("forwards to", action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"], target_arn)
same("the group's balancer", elb.describe_target_groups(TargetGroupArns=[target_arn])["TargetGroups"][0]["LoadBalancerArns"], [arn])
refused("ResourceInUse", elb.delete_target_group, TargetGroupArn=target_arn)
redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301", "Host": "#{host}", "Path": "/#{path}", "Query": "#{query}"}
elb.modify_listener(ListenerArn=listener, DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}])
action = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]
same("redirects", action["RedirectConfig"], redirect)
same("the default rule", [r["IsDefault"] for r in elb.describe_rules(ListenerArn=listener)["Rules"]], [True])
both = {d["ResourceArn"]: d["Tags"] for d in elb.describe_tags(ResourceArns=[arn, target_arn])["TagDescriptions"]}
same("tags", both, {arn: tags({"Name": "shop"}), target_arn: tags({"Name": "web"})})
elb.add_tags(ResourceArns=[arn], Tags=tags({"Stage": "test"}))
elb.remove_tags(ResourceArns=[arn], TagKeys=["Name"])
same("tags", elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"], tags({"Stage": "test"}))
refused("LoadBalancerNotFound", elb.describe_load_balancers, Names=["nobody"])
refused("TargetGroupNotFound", elb.describe_target_groups, Names=["nobody"])


def rule(path, priority):
    made = elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=[{"Field": "path-pattern", "Values": [path]}], Actions=other)
    return made["Rules"][0]["RuleArn"]


first, second = rule("/a", 10), rule("/b", 20)
refused("PriorityInUse", elb.create_rule, ListenerArn=listener, Priority=10, Conditions=[{"Field": "path-pattern", "Values": ["/c"]}], Actions=other)
refused("PriorityInUse", elb.set_rule_priorities, RulePriorities=[{"RuleArn": first, "Priority": 20}])
elb.set_rule_priorities(RulePriorities=[{"RuleArn": first, "Priority": 20}, {"RuleArn": second, "Priority": 10}])
rules = elb.describe_rules(ListenerArn=listener)["Rules"]
same("in their order", [r["Priority"] for r in rules], ["10", "20", "default"])
same("exchanged", [r["RuleArn"] for r in rules[:2]], [second, first])
holds("condition", rules[0]["Conditions"][0], Field="path-pattern", Values=["/b"], PathPatternConfig={"Values": ["/b"]})
same("some", [r["RuleArn"] for r in elb.describe_rules(RuleArns=[first])["Rules"]], [first])
elb.modify_rule(RuleArn=first, Conditions=[{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}])
same("another condition", elb.describe_rules(RuleArns=[first])["Rules"][0]["Conditions"][0]["Values"], ["a.example.com"])
found, count = pages(elb, "describe_rules", "Rules", 2, ListenerArn=listener)
same("pages of rules", (len(found), count), (3, 2))
elb.delete_rule(RuleArn=first)
refused("RuleNotFound", elb.describe_rules, RuleArns=[first])
refused("OperationNotPermitted", elb.delete_rule, RuleArn=rules[2]["RuleArn"])

certificates = [f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-4000-a000-00000000000{n}" for n in (1, 2)]
secure = elb.create_listener(
    LoadBalancerArn=arn, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": certificates[0]}], DefaultActions=other
)["Listeners"][0]["ListenerArn"]
elb.add_listener_certificates(ListenerArn=secure, Certificates=[{"CertificateArn": certificates[1]}])
listed = elb.describe_listener_certificates(ListenerArn=secure)["Certificates"]
same("certificates", [(c["CertificateArn"], c["IsDefault"]) for c in listed], [(certificates[0], True), (certificates[1], False)])
refused("OperationNotPermitted", elb.remove_listener_certificates, ListenerArn=secure, Certificates=[{"CertificateArn": certificates[0]}])
elb.remove_listener_certificates(ListenerArn=secure, Certificates=[{"CertificateArn": certificates[1]}])
same("one certificate", len(elb.describe_listener_certificates(ListenerArn=secure)["Certificates"]), 1)
elb.delete_listener(ListenerArn=listener)
refused("ListenerNotFound", elb.delete_listener, ListenerArn=listener)
elb.delete_load_balancer(LoadBalancerArn=arn)
elb.delete_target_group(TargetGroupArn=target_arn)
same("gone", elb.describe_load_balancers()["LoadBalancers"], [])
