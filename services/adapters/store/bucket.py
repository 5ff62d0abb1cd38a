"""The bucket and its policy, with minio-py: made once by set-up. Bytes go by `object_store.py`."""

import json
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop

REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled"}
OURS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
NO_POLICY = "NoSuchBucketPolicy"


class StoreUnavailableError(Exception):
    """The store did not answer, or not in a way that says what is wrong."""


class Bucket:
    """The bucket that the settings name. Raises `Stop` for refusals a person must resolve."""

    def __init__(self, settings: StoreSettings) -> None:
        endpoint = urlsplit(settings.endpoint_url or f"https://s3.{settings.region}.amazonaws.com")
        self._settings = settings
        self._client = Minio(
            endpoint=endpoint.netloc,
            access_key=settings.access_key_id,
            secret_key=settings.secret_access_key.reveal(),
            region=settings.region,
            secure=endpoint.scheme == "https",
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=5, read=20), retries=False
            ),
        )

    def create(self) -> str:
        """Make the bucket if it is missing and give it the policy of the settings; what was done.

        S3_PUBLIC_READ adds reading of objects (never listing) for everybody; without it a policy
        that somebody else has set is left alone.
        """
        name = self._settings.bucket
        try:
            made = not self._client.bucket_exists(name)
            if made:
                self._make(name)
            public = self._settings.public_read and self._publish(name)
        except S3Error as why:
            if why.code in REFUSED:
                raise Stop(
                    "store_refused",
                    f"The object store refuses AWS_ACCESS_KEY_ID for bucket {name}: {why.code}",
                ) from why
            raise StoreUnavailableError(str(why.code)) from why
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as why:
            raise StoreUnavailableError(str(why).split("\n")[0]) from why
        state = "made" if made else "is there"
        return f"bucket {name} {state}{', its objects now public to read' if public else ''}"

    def _make(self, name: str) -> None:
        try:
            self._client.make_bucket(name, location=self._settings.region)
        except S3Error as why:  # another set-up was quicker
            if why.code not in OURS:
                raise

    def _publish(self, name: str) -> bool:
        wanted = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "DrivestreamPublicRead",
                    "Effect": "Allow",
                    "Principal": {"AWS": ["*"]},
                    "Action": ["s3:GetObject"],
                    "Resource": [f"arn:aws:s3:::{name}/*"],
                }
            ],
        }
        try:
            present = json.loads(self._client.get_bucket_policy(name))
        except S3Error as why:
            if why.code != NO_POLICY:
                raise
            present = None
        if present == wanted:
            return False
        self._client.set_bucket_policy(name, json.dumps(wanted))
        return True
