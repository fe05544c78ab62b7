sd = client("servicediscovery")
vpc = client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def ends(answer, status="SUCCESS"):
    """The operation, when it has come to its end."""
    operation = answer["OperationId"]
    until("the operation ends", lambda: sd.get_operation(OperationId=operation)["Operation"]["Status"] in ("SUCCESS", "FAIL"))
    told = sd.get_operation(OperationId=operation)["Operation"]
    same("status", told["Status"], status)
    return told


asked = dict(Name="shop.local", Vpc=vpc, CreatorRequestId="one", Tags=tags({"Name": "shop"}))
begun = sd.create_private_dns_namespace(**asked)
same("the same again", sd.create_private_dns_namespace(**asked)["OperationId"], begun["OperationId"])
refused("DuplicateRequest", sd.create_private_dns_namespace, Name="other.local", Vpc=vpc, CreatorRequestId="one")
done = ends(begun)
same("kind", done["Type"], "CREATE_NAMESPACE")
space = done["Targets"]["NAMESPACE"]
told = sd.get_namespace(Id=space)["Namespace"]
holds("namespace", told, Name="shop.local", Type="DNS_PRIVATE", ServiceCount=0, Arn=f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{space}")
true("zone", told["Properties"]["DnsProperties"]["HostedZoneId"].startswith("Z"))
same("http name", told["Properties"]["HttpProperties"]["HttpName"], "shop.local")
refused("NamespaceAlreadyExists", sd.create_private_dns_namespace, Name="shop.local", Vpc=vpc)
failed = ends(sd.create_private_dns_namespace(Name="none.local", Vpc="vpc-00000000"), "FAIL")
same("why", failed["ErrorCode"], "CANNOT_CREATE_HOSTED_ZONE")
ends(sd.update_private_dns_namespace(Id=space, Namespace={"Description": "two", "Properties": {"DnsProperties": {"SOA": {"TTL": 60}}}}))
told = sd.get_namespace(Id=space)["Namespace"]
same("changed", (told["Description"], told["Properties"]["DnsProperties"]["SOA"]["TTL"]), ("two", 60))
same("tags", sd.list_tags_for_resource(ResourceARN=told["Arn"])["Tags"], tags({"Name": "shop"}))
refused("ResourceNotFoundException", sd.list_tags_for_resource, ResourceARN=told["Arn"] + "x")
ends(sd.create_http_namespace(Name="calls"))
refused("NamespaceAlreadyExists", sd.create_http_namespace, Name="calls")
items, count = pages(sd, "list_namespaces", "Namespaces", 1)
same("namespaces", (sorted(one["Name"] for one in items), count), (["calls", "shop.local"], 2))
only = sd.list_namespaces(Filters=[{"Name": "TYPE", "Values": ["HTTP"], "Condition": "EQ"}])["Namespaces"]
same("filtered", [one["Name"] for one in only], ["calls"])
calls = only[0]["Id"]

# Services.
refused("NamespaceNotFound", sd.create_service, Name="api", NamespaceId="ns-none")
refused("InvalidInput", sd.create_service, Name="api", NamespaceId=space)
refused("InvalidInput", sd.create_service, Name="api", NamespaceId=calls, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 60}]})
refused("InvalidInput", sd.create_service, Name="api", NamespaceId=space, DnsConfig={"DnsRecords": [{"Type": "CNAME", "TTL": 60}]})
service = sd.create_service(
    Name="api", NamespaceId=space, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 60}]}, HealthCheckCustomConfig={"FailureThreshold": 1}, CreatorRequestId="api",
)["Service"]
holds("service", service, Name="api", NamespaceId=space, Type="DNS_HTTP", InstanceCount=0)
same("records", service["DnsConfig"], {"NamespaceId": space, "RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 60}]})
refused("ServiceAlreadyExists", sd.create_service, Name="api", NamespaceId=space, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 60}]})
refused("ResourceInUse", sd.delete_namespace, Id=space)
ends(sd.update_service(Id=service["Id"], Service={"Description": "two", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 5}]}}))
told = sd.get_service(Id=service["Id"])["Service"]
same("changed", (told["Description"], told["DnsConfig"]["DnsRecords"]), ("two", [{"Type": "A", "TTL": 5}]))
refused("InvalidInput", sd.update_service, Id=service["Id"], Service={"DnsConfig": {"DnsRecords": [{"Type": "AAAA", "TTL": 5}]}})
same("by namespace", [one["Name"] for one in sd.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": [space], "Condition": "EQ"}])["Services"]], ["api"])
sd.update_service_attributes(ServiceId=service["Id"], Attributes={"a": "1", "b": "2"})
sd.delete_service_attributes(ServiceId=service["Id"], Attributes=["a"])
same("attributes", sd.get_service_attributes(ServiceId=service["Id"])["ServiceAttributes"]["Attributes"], {"b": "2"})

# Instances.
refused("InvalidInput", sd.register_instance, ServiceId=service["Id"], InstanceId="i-1", Attributes={"port": "80"})
for name, address in [("i-1", "10.0.0.1"), ("i-2", "10.0.0.2")]:
    ends(sd.register_instance(ServiceId=service["Id"], InstanceId=name, Attributes={"AWS_INSTANCE_IPV4": address, "zone": name}))
same("count", sd.get_service(Id=service["Id"])["Service"]["InstanceCount"], 2)
same("pages", pages(sd, "list_instances", "Instances", 1, ServiceId=service["Id"])[1], 2)
same("instance", sd.get_instance(ServiceId=service["Id"], InstanceId="i-1")["Instance"]["Attributes"], {"AWS_INSTANCE_IPV4": "10.0.0.1", "zone": "i-1"})
sd.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="i-1", Status="UNHEALTHY")
same("health", sd.get_instances_health_status(ServiceId=service["Id"])["Status"], {"i-1": "UNHEALTHY", "i-2": "HEALTHY"})

# The operation's address has a label in front, which an address of numbers has not.
plain = boto3.client("servicediscovery", region_name=REGION, endpoint_url=URL, config=Config(inject_host_prefix=False))


def found(**arguments):
    return [one["InstanceId"] for one in plain.discover_instances(NamespaceName="shop.local", ServiceName="api", **arguments)["Instances"]]


same("well", found(), ["i-2"])
same("all", found(HealthStatus="ALL"), ["i-1", "i-2"])
same("by attribute", found(HealthStatus="ALL", QueryParameters={"zone": "i-1"}), ["i-1"])
refused("ResourceInUse", sd.delete_service, Id=service["Id"])
refused("InstanceNotFound", sd.deregister_instance, ServiceId=service["Id"], InstanceId="none")
for name in ["i-1", "i-2"]:
    ends(sd.deregister_instance(ServiceId=service["Id"], InstanceId=name))
sd.delete_service(Id=service["Id"])
refused("ServiceNotFound", sd.get_service, Id=service["Id"])
begun = sd.delete_namespace(Id=space)
ends(begun)
ends(sd.delete_namespace(Id=calls))
refused("NamespaceNotFound", sd.get_namespace, Id=space)
true("operations", any(one["Id"] == begun["OperationId"] for one in sd.list_operations(Filters=[{"Name": "TYPE", "Values": ["DELETE_NAMESPACE"], "Condition": "EQ"}])["Operations"]))
