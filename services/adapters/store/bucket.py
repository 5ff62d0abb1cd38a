"""The bucket, its policy and its lifecycle rule, through minio-py. `objects.py` moves the bytes."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule

from services.adapters.store.objects import REASONS
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop

EXISTS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
PUBLIC_READ = "DrivestreamPublicRead"  # the `Sid` by which we know our own statement again
ABORT_RULE = Rule(
    ENABLED,
    rule_filter=Filter(prefix=""),
    rule_id="drivestream-abort-incomplete-uploads",
    abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=1),
)


class StoreUnavailableError(Exception):
    """The store did not answer, or not in a way that says what is wrong."""


class Bucket:
    """The bucket that the settings name. Raises `Stop` for refusals a person must resolve."""

    def __init__(self, settings: StoreSettings) -> None:
        endpoint = urlsplit(settings.endpoint_url or f"https://s3.{settings.region}.amazonaws.com")
        self._settings = settings
        self._name = settings.bucket
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
        """Make the bucket if it is missing, set its policy and rule; what was done, in words."""
        try:
            made = "was made" if self._make() else "is there"
            return f"bucket {self._name} {made}{self._set_policy()}{self._set_abort_rule()}"
        except S3Error as why:
            if REASONS.get(str(why.code)) == "store_refused":
                raise Stop(
                    "store_refused",
                    f"The object store refuses AWS_ACCESS_KEY_ID for bucket {self._name}: "
                    f"{why.code}.",
                ) from why
            raise StoreUnavailableError(str(why.code)) from why
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as why:
            raise StoreUnavailableError(str(why).split("\n")[0][:200]) from why

    def _make(self) -> bool:
        if self._client.bucket_exists(self._name):
            return False
        try:
            self._client.make_bucket(self._name, location=self._settings.region)
        except S3Error as why:  # another set-up was quicker
            if why.code not in EXISTS:
                raise
        return True

    def _set_policy(self) -> str:
        """With S3_PUBLIC_READ everybody may read objects, and never list them.

        Our statement is added to the bucket's policy, or taken back. Others are left alone.
        """
        public = self._settings.public_read
        try:
            policy = self._policy()
            given = policy.get("Statement", [])
            statements = given if isinstance(given, list) else [given]  # S3 takes a single one, too
            others = [each for each in statements if each.get("Sid") != PUBLIC_READ]
            if public == (len(others) < len(statements)):
                return ""
            policy["Statement"] = [*others, _public_read(self._name)] if public else others
            if policy["Statement"]:
                self._client.set_bucket_policy(self._name, json.dumps(policy))
            else:
                self._client.delete_bucket_policy(self._name)
        except S3Error as why:
            if not _is_refusal(why):
                raise
            if not public:
                return ""  # a store without policies, or a key without rights to them
            raise Stop(
                "store_refused",
                f"The object store does not let us make bucket {self._name} public to read "
                f"({why.code}). Allow public policies for this bucket (on Amazon: Block Public "
                "Access), or set S3_PUBLIC_READ=false.",
            ) from why
        return f", its objects are now {'public to read' if public else 'private'}"

    def _policy(self) -> dict[str, Any]:
        try:
            policy = json.loads(self._client.get_bucket_policy(self._name))
        except S3Error as why:
            if why.code != "NoSuchBucketPolicy":
                raise
            policy = {}
        return {"Version": "2012-10-17"} | (policy if isinstance(policy, dict) else {})

    def _set_abort_rule(self) -> str:
        """A rule that removes the parts of uploads whose worker was killed.

        S3 replaces all rules at once, and minio-py does not read all that a rule can say. So a
        bucket that has rules keeps them as they are.
        """
        try:
            present = self._client.get_bucket_lifecycle(self._name)
            if present is None or not present.rules:
                self._client.set_bucket_lifecycle(self._name, LifecycleConfig([ABORT_RULE]))
                return ", incomplete uploads are now removed after a day"
            if any(_aborts_all(rule) for rule in present.rules):
                return ""
        except ValueError:
            pass  # rules that minio-py cannot read
        except S3Error as why:
            if not _is_refusal(why):
                raise
            return (
                ". The store refuses a rule that removes incomplete multipart uploads after a day "
                f"({why.code}), so a killed worker may leave parts there. (MinIO removes them "
                "by itself.)"
            )
        return (
            ". The bucket has lifecycle rules, which are left as they are. Please add one that "
            "removes incomplete multipart uploads, because a killed worker may leave parts there."
        )


def _is_refusal(why: S3Error) -> bool:
    """Whether the store will not do it at all; else it cannot do it now."""
    return why.response.status < 500 or why.code == "NotImplemented"


def _public_read(bucket: str) -> dict[str, Any]:
    return {
        "Sid": PUBLIC_READ,
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }


def _aborts_all(rule: Rule) -> bool:
    scope = rule.rule_filter
    whole = scope is None or (not scope.prefix and not scope.tag and not scope.and_operator)
    return bool(rule.abort_incomplete_multipart_upload) and rule.status == ENABLED and whole
