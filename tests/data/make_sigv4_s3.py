"""Writes sigv4_s3.json: how botocore signs requests to S3. README.md says what they are for.

    python3 -m venv build/venv
    build/venv/bin/pip install botocore==1.44.8
    build/venv/bin/python tests/data/make_sigv4_s3.py
"""

import datetime
import json
import pathlib
from unittest import mock

import botocore
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE"  # those of Amazon's documentation
SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLE//////////wEaDK+example/token=="
TIME = "20130524T000000Z"

AMAZON = "https://examplebucket.s3.amazonaws.com"
PATH_STYLE = "https://s3.eu-west-1.amazonaws.com/bucket"
LOCAL = "http://127.0.0.1:9000/bucket"
CEPH = "https://object.ord1.coreweave.com:8443/bucket"
RANGE = [["Range", "bytes=0-9"]]


def case(name, key, base=AMAZON, query="", headers=(), **more):
    return {"name": name, "base": base, "key": key, "query": query, "headers": list(headers), **more}


CASES = [
    case("plain", "test.txt"),
    case("range", "test.txt", headers=RANGE),
    case("range and If-Match", "test.txt", headers=RANGE + [["If-Match", '"9b2cf535f27731c974343645a3985328"']]),
    case("spaces", "my model/part 1.tensors", headers=RANGE),
    case("plus", "a+b/c++.tensors", headers=RANGE),
    case("percent", "100%/a%2Fb%20c%zz.tensors", headers=RANGE),
    case("repeated slashes", "/a//b///c", headers=RANGE),
    case("dot segments", "./a/../b/./c/..", headers=RANGE),
    case("unicode", "modèles/重み/🙂.tensors", headers=RANGE),
    case("sub-delimiters", "!$&'()*,;=:@[]{}|^`<>\"\\~-_.?#", headers=RANGE),
    case("trailing slash", "folder/", headers=RANGE),
    case("no key", "", query="list-type=2&prefix=a%2Fb&delimiter=%2F"),
    case("flag in the query", "", base=PATH_STYLE, query="location"),
    case("empty value in the query", "a", query="versions=&prefix="),
    case("version", "a.tensors", query="versionId=3HL4kqtJvjVBH40Nrjfkd", headers=RANGE),
    case("order of the query", "a", query="b=2&a=z&a=b&B=1&a-1=3"),
    case("response headers", "a", query="response-content-type=text%2Fplain%3B%20a%3D%2B"),
    case("session token", "a.tensors", headers=RANGE, token=TOKEN),
    case("session token, presigned", "a.tensors", token=TOKEN, expires=900),
    case("path style", "a b.tensors", base=PATH_STYLE, region="eu-west-1", headers=RANGE),
    case("port", "a.tensors", base=LOCAL, headers=RANGE),
    case("port over TLS", "a.tensors", base=CEPH, region="ord1", headers=RANGE),
    case("IPv6", "a.tensors", base="http://[::1]:7480/bucket", headers=RANGE),
    case("unsigned payload", "a.tensors", headers=RANGE, unsigned=True),
    case("HEAD", "a.tensors", method="HEAD"),
    case("spaces in headers", "a", headers=[["X-Amz-Meta-A", "  b   c  "], ["x-amz-request-payer", "requester"]]),
    case("end of a day", "a", time="20231231T235959Z"),
    case("leap day", "a", time="20240229T120001Z"),
    case("presigned", "test.txt", expires=86400),
    case("presigned key", "my model/ü+%.tensors", expires=604800),
    case("presigned with a query", "a", query="versionId=x%2By&partNumber=1", expires=1),
    case("presigned at a port", "a", base=LOCAL, expires=60, region="default"),
    case("presigned range", "a", headers=RANGE, expires=60),
]


def sign(spec):
    """`spec` with what botocore makes of it."""
    region = spec.get("region", "us-east-1")
    time = spec.get("time", TIME)
    credentials = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, spec.get("token"))
    path = percent_encode(spec["key"], safe="/~")
    url = spec["base"] + "/" + path + ("?" + spec["query"] if spec["query"] else "")
    request = AWSRequest(method=spec.get("method", "GET"), url=url)
    for name, value in spec["headers"]:
        request.headers[name] = value
    expires = spec.get("expires")
    if expires is not None:
        auth = S3SigV4QueryAuth(credentials, "s3", region, expires=expires)
    else:
        auth = S3SigV4Auth(credentials, "s3", region)
    if spec.get("unsigned"):
        request.context["client_config"] = mock.Mock(s3={"payload_signing_enabled": False})
    steps = {}

    def canonical_request(made, original=auth.canonical_request):
        steps["canonical_request"] = original(made)
        return steps["canonical_request"]

    def string_to_sign(made, canonical, original=auth.string_to_sign):
        steps["string_to_sign"] = original(made, canonical)
        return steps["string_to_sign"]

    def signature(text, made, original=auth.signature):
        steps["signature"] = original(text, made)
        return steps["signature"]

    now = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
    with mock.patch("botocore.auth.get_current_datetime", lambda: now):
        with mock.patch.multiple(
            auth, canonical_request=canonical_request, string_to_sign=string_to_sign, signature=signature
        ):
            auth.add_auth(request)
    made = {
        "name": spec["name"],
        "method": request.method,
        "key": spec["key"],
        "path": path,
        "url": url,
        "headers": spec["headers"],
        "region": region,
        "time": time,
        "token": spec.get("token", ""),
        **steps,
    }
    if expires is not None:
        made["expires"] = expires
    else:
        made["authorization"] = request.headers["Authorization"]
        made["payload"] = request.headers["X-Amz-Content-SHA256"]
    return made


def main():
    made = {
        "botocore": botocore.__version__,
        "access_key_id": ACCESS_KEY_ID,
        "secret_access_key": SECRET_ACCESS_KEY,
        "cases": [sign(spec) for spec in CASES],
    }
    path = pathlib.Path(__file__).with_name("sigv4_s3.json")
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
