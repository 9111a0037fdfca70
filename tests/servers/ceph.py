"""Ceph's S3 server, as the script `ceph-s3` starts it, and a client that puts objects there."""

import contextlib
import subprocess
from pathlib import Path

from tz import Tz
from web import free_ports

HERE = Path(__file__).parent
BUCKET, VERSIONED = "models", "versioned"


class Ceph:
    """One server, running."""

    def __init__(self, folder: Path, *options):
        self.folder = folder
        output = self.script("start", str(free_ports(2)), *options).splitlines()
        self.facts = dict(line.split("=", 1) for line in output)
        self.url, self.tls_url = self.facts["url"], self.facts["tls_url"]
        self.authority = folder / "tls" / "ca.pem"
        self.client = self.client_of("s3")

    def script(self, verb: str, *arguments) -> str:
        """`pause`, `resume`, `bounce`, `stop`"""
        command = [HERE / "ceph-s3", verb, self.folder, *arguments]
        return subprocess.run(command, check=True, timeout=120, stdout=subprocess.PIPE, text=True).stdout

    def client_of(self, service: str):
        import boto3
        from botocore.config import Config

        config = Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"})
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id=self.facts["access"],
            aws_secret_access_key=self.facts["secret"],
            region_name="us-east-1",
            config=config,
        )

    def put(self, key: str, path: Path, bucket: str = BUCKET, **more) -> str:
        """Returns the S3 URI."""
        self.client.upload_file(str(path), bucket, key, ExtraArgs=more or None)
        return f"s3://{bucket}/{key}"

    def put_version(self, key: str, path: Path) -> str:
        """Returns the new version's id."""
        with open(path, "rb") as file:
            return self.client.put_object(Bucket=VERSIONED, Key=key, Body=file)["VersionId"]

    def keys(self, prefix: str) -> set:
        """Of the objects that are there."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {one["Key"] for one in found}

    def uploads(self, prefix: str) -> list:
        """Key and id of those that are unfinished."""
        found = self.client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
        return [(upload["Key"], upload["UploadId"]) for upload in found]

    def parts(self, prefix: str) -> int:
        """How many of them the server has."""
        count = 0
        for key, upload in self.uploads(prefix):
            with contextlib.suppress(self.client.exceptions.NoSuchUpload):  # it has just ended
                count += len(self.client.list_parts(Bucket=BUCKET, Key=key, UploadId=upload).get("Parts", []))
        return count

    def remove(self, prefix: str):
        """All that begins so."""
        for key in self.keys(prefix):
            self.client.delete_object(Bucket=BUCKET, Key=key)
        for key, upload in self.uploads(prefix):
            self.client.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload)

    def credentials(self, who: str = "") -> dict:
        """Environment of the user, or of the other one ("other_")."""
        return {
            "AWS_ACCESS_KEY_ID": self.facts[f"{who}access"],
            "AWS_SECRET_ACCESS_KEY": self.facts[f"{who}secret"],
        }

    def environment(self, **more) -> dict:
        """All that is needed to read from it, and more or other settings."""
        return {"AWS_ENDPOINT_URL": self.url, **self.credentials(), **more}

    def log(self) -> str:
        """A line for each request."""
        return (self.folder / "log" / "client.rgw.log").read_text(errors="replace")


class S3Tz:
    """`tz` with the environment that reads from a server, by way of `url` if that is given."""

    def __init__(self, tz: Tz, ceph: Ceph, url: str = ""):
        self.tz = tz
        self.ceph = ceph
        self.environment = ceph.environment(AWS_ENDPOINT_URL=url or ceph.url)

    def __getattr__(self, name):
        def call(*arguments, environment=None, **keywords):
            environment = self.environment | (environment or {})
            return getattr(self.tz, name)(*arguments, environment=environment, **keywords)

        return call

    def __call__(self, *arguments, environment=None, **keywords):
        environment = self.environment | (environment or {})
        return self.tz(*arguments, environment=environment, **keywords)
