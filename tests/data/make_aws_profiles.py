"""Writes aws_profiles.json: what botocore makes of ini files, profiles, the environment and S3 addresses.

pip install botocore==1.44.8; python3 make_aws_profiles.py
"""

import json
import os
import pathlib
import tempfile
from urllib.parse import urlsplit

import botocore.config
import botocore.configloader
import botocore.exceptions
import botocore.session

FOLDER = pathlib.Path(__file__).parent

INI = [
    "",
    "[default]\n",
    "[default]\na = 1\nb=2\nc:3\nd = \n",
    "[default]\r\na = 1\r\n\r\n[x]\r\nb = 2\r\n",
    "[default]\ra = 1\rb = 2",
    "[default]\na = 1 ; note\nb = 2 # note\nc = 3;note\n",
    "# note\n; note\n[default]\n  # note\na = 1\n",
    "[default]\n  a = 1\n  b = 2\n",
    "[default]\n  a = 1\n    b = 2\n  c = 3\n",
    "  [default]\n  a = 1\n",
    "[default]\na = 1\n  2\n  3\nb = 4\n",
    "[default]\na = 1\n\n  2\nb = 3\n",
    "[default]\na = 1\n\n\n[x]\nb = 1\n",
    "[default]\na = 1\n# note\n  2\n",
    "[default]\na = 1\n  # note\n  2\n",
    "[default]\na =\n  [x]\nb = 2\n",
    "[default]\ns3 =\n  addressing_style = path\n  x = y = z\nregion = r\n",
    "[default]\ns3 =\n  addressing_style = path\n\n  # note\n  addressing_style = virtual\n",
    "[default]\ns3 =\n  addressing_style\n",
    "[default]\ns3 =\n  Addressing_Style=path\n",
    "[default]\ns3 = addressing_style = path\n",
    "[default]\nAWS_Access_Key_Id = X\n",
    "[default]\na = b = c : d\n",
    "[default]\na : b = c\n",
    "[default]\na b = c\n",
    '[default]\na = "1"\n',
    "[default]\na = %(b)s $HOME ~\n",
    "[default]\n\ta\t=\t1\t\n",
    "[default]\na = 1\n[x]\n b = 1\n[y]\nc = 1\n",
    "[a]b]\nc = 1\n",
    "[a] ; note\nc = 1\n",
    "[a] = 5\nc = 1\n",
    "[ a ]\nc = 1\n",
    "[DEFAULT]\na = 1\nb = 2\n[x]\na = 3\n[y]\n",
    "[DEFAULT]\na = 1\n[x]\n[DEFAULT]\nb = 2\n",
    "[default]\na = \u00fc\u4e2d\n",
    "[default]\na = 1",
    "a = 1\n",
    "[]\na = 1\n",
    "[default\na = 1\n",
    "[default]\nno delimiter\n",
    "[default]\n= 1\n",
    "[default]\na = 1\na = 2\n",
    "[default]\na = 1\nA = 2\n",
    "[default]\na = 1\n[default]\nb = 2\n",
    "[DEFAULT]\na = 1\n[DEFAULT]\na = 2\n",
    "\ufeff[default]\na = 1\n",
]

KEYS = "aws_access_key_id = {0}ID\naws_secret_access_key = {0}SECRET\n"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "eID", "AWS_SECRET_ACCESS_KEY": "eSECRET"}

# environment, ~/.aws/config, ~/.aws/credentials, profile given in code
CHAIN = [
    ({}, None, None, None),
    (ENVIRONMENT, None, "[default]\n" + KEYS.format("c"), None),
    ({**ENVIRONMENT, "AWS_SESSION_TOKEN": "s"}, None, None, None),
    ({**ENVIRONMENT, "AWS_SESSION_TOKEN": "s", "AWS_SECURITY_TOKEN": "t"}, None, None, None),
    ({}, None, "[default]\n" + KEYS.format("c") + "aws_session_token = s\n", None),
    ({}, None, "[default]\n" + KEYS.format("c") + "aws_session_token = s\naws_security_token = t\n", None),
    ({}, "[default]\n" + KEYS.format("f"), "[default]\n" + KEYS.format("c"), None),
    ({}, "[default]\n" + KEYS.format("f"), "[other]\n" + KEYS.format("c"), None),
    ({}, "[profile x]\n" + KEYS.format("f"), None, "x"),
    ({}, "[x]\n" + KEYS.format("f"), None, "x"),
    ({}, "[profile 'x y']\n" + KEYS.format("f"), None, "x y"),
    ({}, '[profile "x\\"y"]\n' + KEYS.format("f"), None, 'x"y'),
    ({}, "[profile x y]\n" + KEYS.format("f"), None, "x"),
    ({}, "[profile default]\n" + KEYS.format("p") + "[default]\n" + KEYS.format("d"), None, None),
    ({}, "[default]\n" + KEYS.format("d") + "[profile default]\n" + KEYS.format("p"), None, None),
    ({}, "[profile 'x']\n" + KEYS.format("p") + "[profile x]\n" + KEYS.format("d"), None, "x"),
    ({}, None, "[profile x]\n" + KEYS.format("c"), "x"),
    ({"AWS_PROFILE": "x"}, None, "[x]\n" + KEYS.format("x") + "[default]\n" + KEYS.format("c"), None),
    ({"AWS_PROFILE": "x", "AWS_DEFAULT_PROFILE": "y"}, None,
     "[x]\n" + KEYS.format("x") + "[y]\n" + KEYS.format("y"), None),
    ({**ENVIRONMENT, "AWS_PROFILE": "x"}, None, "[x]\n" + KEYS.format("x"), None),
    ({**ENVIRONMENT, "AWS_PROFILE": "y"}, None, "[x]\n" + KEYS.format("x") + "[y]\n" + KEYS.format("y"), "x"),
    (ENVIRONMENT, None, "[x]\n" + KEYS.format("x"), "x"),
    ({}, None, "[x]\n" + KEYS.format("x"), "missing"),
    ({"AWS_PROFILE": "missing"}, None, "[x]\n" + KEYS.format("x"), None),
    ({"AWS_ACCESS_KEY_ID": "eID"}, None, None, None),
    ({}, None, "[default]\naws_access_key_id = cID\n", None),
    ({}, None, "[default]\n" + KEYS.format("c").replace("cSECRET", "cSECRET ; note"), None),
]

# the same, then the service's endpoint
ENDPOINT = [
    ({}, "[default]\nregion = eu-west-1\n", None, None),
    ({"AWS_DEFAULT_REGION": "eu-west-2"}, "[default]\nregion = eu-west-1\n", None, None),
    ({}, "[default]\nregion = eu-west-1\n", "[default]\nregion = eu-west-3\n", None),
    ({}, "[default]\nendpoint_url = https://global.test\n", None, None),
    ({}, "[default]\nendpoint_url = https://global.test\nservices = s\n"
         "[services s]\ns3 =\n  endpoint_url = https://s3.test\n", None, None),
    ({}, "[default]\nendpoint_url = https://global.test\nservices = s\n"
         "[services s]\nec2 =\n  endpoint_url = https://ec2.test\n", None, None),
    ({"AWS_ENDPOINT_URL": "https://e.test"}, "[default]\nservices = s\n"
     "[services s]\ns3 =\n  endpoint_url = https://s3.test\n", None, None),
    ({"AWS_ENDPOINT_URL": "https://e.test", "AWS_ENDPOINT_URL_S3": "https://e3.test"}, None, None, None),
    ({"AWS_ENDPOINT_URL": "https://e.test", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None, None, None),
    ({"AWS_ENDPOINT_URL": "https://e.test"}, "[default]\nignore_configured_endpoint_urls = true\n", None, None),
    ({}, "[default]\nendpoint_url = https://global.test\nignore_configured_endpoint_urls = true\n", None, None),
    ({}, "[default]\nservices = missing\n", None, None),
    ({}, "[profile x]\nendpoint_url = https://x.test\n", None, "x"),
    ({}, None, "[default]\nendpoint_url = https://c.test\n", None),
]

# region, endpoint, style, bucket, key
ADDRESS = [
    ("eu-west-1", None, None, "bucket", "a/b.tensors"),
    ("us-east-1", None, None, "bucket", "k"),
    ("cn-north-1", None, None, "bucket", "k"),
    ("us-gov-west-1", None, None, "bucket", "k"),
    ("eu-west-1", None, None, "bucket.dotted", "k"),
    ("eu-west-1", None, None, "Bucket", "k"),
    ("eu-west-1", None, None, "under_score", "k"),
    ("eu-west-1", None, "path", "bucket", "k"),
    ("eu-west-1", None, "virtual", "bucket.dotted", "k"),
    ("eu-west-1", "http://127.0.0.1:9000", None, "bucket", "k"),
    ("eu-west-1", "http://127.0.0.1:9000", "path", "bucket", "k"),
    ("eu-west-1", "https://minio.test", "path", "bucket", "k"),
    ("eu-west-1", "https://minio.test", "virtual", "bucket", "k"),
    ("eu-west-1", "https://minio.test:8443/base", "path", "bucket", "k"),
    ("eu-west-1", "https://minio.test/base/", "virtual", "bucket", "k"),
    ("eu-west-1", None, None, "bucket", "a b+c%20d~e?f#g&h=i"),
    ("eu-west-1", None, None, "bucket", "a//b/./c/../d/"),
    ("eu-west-1", None, None, "bucket", "/leading"),
    ("eu-west-1", None, None, "bucket", "\u00fc/\u4e2d\u6587!*'()$,;:@"),
]


def ini_case(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "file")
        path.write_bytes(text.encode())
        try:
            return {"text": text, "sections": botocore.configloader.raw_config_parse(str(path))}
        except botocore.exceptions.ConfigParseError:
            return {"text": text, "error": True}


def session_in(folder, environment, config, credentials, profile):
    os.environ.clear()
    os.environ.update(environment, HOME=folder, AWS_EC2_METADATA_DISABLED="true")
    os.makedirs(folder + "/.aws")
    for name, text in (("config", config), ("credentials", credentials)):
        if text is not None:
            pathlib.Path(folder, ".aws", name).write_text(text)
    return botocore.session.Session(profile=profile)


def case(function, environment, config, credentials, profile):
    out = {"environment": environment, "config": config, "credentials": credentials, "profile": profile}
    with tempfile.TemporaryDirectory() as folder:
        try:
            out.update(function(session_in(folder, environment, config, credentials, profile)))
        except botocore.exceptions.BotoCoreError as error:
            out["error"] = type(error).__name__
    return out


def credentials_of(session):
    found = session.get_credentials()
    if found is None:
        return {"id": None}
    found = found.get_frozen_credentials()
    return {"id": found.access_key, "secret": found.secret_key, "token": found.token}


def endpoint_of(session):
    client = session.create_client(
        "s3", config=botocore.config.Config(signature_version=botocore.UNSIGNED))
    return {"endpoint": client.meta.endpoint_url, "region": client.meta.region_name}


def address_case(region, endpoint, style, bucket, key):
    os.environ.clear()
    client = botocore.session.Session().create_client(
        "s3", region_name=region, endpoint_url=endpoint,
        config=botocore.config.Config(
            signature_version=botocore.UNSIGNED, s3={"addressing_style": style} if style else {}))
    url = urlsplit(client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}))
    return {"region": region, "endpoint": endpoint, "style": style, "bucket": bucket, "key": key,
            "scheme": url.scheme, "host": url.netloc, "path": url.path}


table = {
    "botocore": botocore.__version__,
    "ini": [ini_case(text) for text in INI],
    "chain": [case(credentials_of, *row) for row in CHAIN],
    "endpoint": [case(endpoint_of, *row) for row in ENDPOINT],
    "address": [address_case(*row) for row in ADDRESS],
}
(FOLDER / "aws_profiles.json").write_text(json.dumps(table, indent=1, ensure_ascii=True) + "\n")
