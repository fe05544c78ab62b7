"""What the scripts of this folder share: clients, expectations, waiting. `finish()` prints what was not as in AWS."""

import sys
import time
import traceback

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

URL = sys.argv[1]
REGION = "us-east-1"
ACCOUNT = "123456789012"
wrong = []


def client(service, region=REGION):
    return boto3.client(
        service, region_name=region, endpoint_url=URL, config=Config(retries={"max_attempts": 1})
    )


def fail(what):
    line = traceback.extract_stack()[-3].lineno
    wrong.append(f"line {line}: {what}")


def same(what, found, wanted):
    """Two values are equal."""
    if found != wanted:
        fail(f"{what}: wanted {wanted!r}, found {found!r}")


def true(what, found):
    if not found:
        fail(f"{what}: {found!r}")


def holds(what, found, **wanted):
    """A structure has these members with these values."""
    for key, value in wanted.items():
        if found.get(key) != value:
            fail(f"{what}.{key}: wanted {value!r}, found {found.get(key)!r}")


def refused(code, call, **arguments):
    """AWS refuses the call with this code."""
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        if found != code:
            fail(f"{call.__name__}: wanted {code}, found {found}: {error}")
        return
    fail(f"{call.__name__}: wanted {code}, it was accepted")


def until(what, test, seconds=20):
    """Waits for a state; the world's clock runs a thousand times as fast."""
    end = time.time() + seconds
    while time.time() < end:
        if test():
            return
        time.sleep(0.05)
    fail(f"{what}: not within {seconds} seconds")


def pages(api, operation, key, size, argument="MaxResults", token=None, **arguments):
    """All items read page by page, and how many pages these were."""
    items, count = [], 0
    paginator = api.get_paginator(operation)
    for page in paginator.paginate(PaginationConfig={"PageSize": size}, **arguments):
        items += page[key]
        count += 1
    return items, count


def tags(pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def untagged(found):
    """Tags in one order."""
    return sorted(found, key=lambda tag: tag.get("Key") or tag.get("key"))


def network(api):
    """A VPC with two subnets in two zones."""
    vpc = api.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one = api.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")
    two = api.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", AvailabilityZone="us-east-1b")
    return vpc, one["Subnet"]["SubnetId"], two["Subnet"]["SubnetId"]


def finish():
    print("\n".join(wrong), end="")
