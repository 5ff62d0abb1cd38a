"""The bucket, its policy and its lifecycle rule, through minio-py. `objects.py` moves the bytes."""

import json
from typing import Any

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule

from services.adapters.store.answers import verdict_of
from services.adapters.store.clients import bucket_client, http_client
from services.adapters.store.settings import StoreSettings
from services.core.errors import Stop, TryAgain, Verdict

# Refusals by their status that another attempt may not meet.
PASSING = {"OperationAborted", "RequestTimeout", "SlowDown", "TooManyRequests"}
OF_TOKEN = {"ExpiredToken", "InvalidToken", "InvalidTokenId", "TokenRefreshRequired"}
PUBLIC_READ = "DrivestreamPublicRead"  # the `Sid` by which we recognise our own statement
ABORT_RULE = Rule(
    ENABLED,
    rule_filter=Filter(prefix=""),
    rule_id="drivestream-abort-incomplete-uploads",
    abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(days_after_initiation=1),
)


class StoreUnavailableError(Exception):
    """The store did not answer, or not in a way that says what is wrong."""


def create_bucket(settings: StoreSettings) -> str:
    """Also set its policy and rule. Says what was done. Raises `StoreUnavailableError`, and `Stop`
    for a refusal that a person must resolve."""
    bucket = settings.bucket
    try:
        store = bucket_client(settings, http=http_client(settings))
        made = "was created" if _make(store, settings) else "exists"
        policy = _set_policy(store, bucket, settings.public_read)
        return f"bucket {bucket} {made}{policy}{_set_abort_rule(store, bucket)}"
    except S3Error as why:
        said = _said(why, settings)
        if isinstance(said, Stop) and said.reason != "store_refused":
            raise said from why
        if _is_refusal(why) and why.code not in PASSING:
            raise Stop("store_refused", _refusal(settings, why)) from why
        raise StoreUnavailableError(str(why.code)) from why
    except TryAgain as why:
        raise StoreUnavailableError(why.message) from why
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as why:
        raise StoreUnavailableError(str(why).split("\n")[0][:200]) from why


def _said(why: S3Error, settings: StoreSettings) -> Verdict:
    words = str(why.message or "").rstrip(".")
    return verdict_of(
        why.response.status,
        str(why.code),
        words,
        bucket=settings.bucket,
        address=settings.address,
    )


def _refusal(settings: StoreSettings, why: S3Error) -> str:
    """The store's own words, and which settings they are about."""
    said = " ".join(str(why.message or why.code).split()).rstrip(".")
    if why.code in OF_TOKEN:
        about = "AWS_SESSION_TOKEN and its two keys. Temporary keys expire"
    else:
        about = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
        if settings.session_token.reveal():
            about = f"{about}, and AWS_SESSION_TOKEN"
    store = f"The object store at {settings.address} denies access to bucket {settings.bucket}"
    return f"{store}: {said} ({why.code}). Check {about}."


def _exists(store: Minio, bucket: str) -> bool:
    try:
        return store.bucket_exists(bucket)
    except S3Error:
        # The answer to HEAD has no words. Whoever is refused a list is told why.
        for _ in store.list_objects(bucket):
            break
        return True


def _make(store: Minio, settings: StoreSettings) -> bool:
    if _exists(store, settings.bucket):
        return False
    try:
        store.make_bucket(settings.bucket, location=settings.region)
    except S3Error as why:  # another set-up was quicker
        if why.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    return True


def _set_policy(store: Minio, bucket: str, public: bool) -> str:
    """Add our statement to the bucket's policy, or take it back. Others are left alone."""
    ours = {
        "Sid": PUBLIC_READ,
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    try:
        policy = _policy(store, bucket)
        given = policy.get("Statement", [])
        statements = given if isinstance(given, list) else [given]  # S3 takes a single one, too
        others = [each for each in statements if each.get("Sid") != PUBLIC_READ]
        if public == (len(others) < len(statements)):
            return ""
        policy["Statement"] = [*others, ours] if public else others
        if policy["Statement"]:
            store.set_bucket_policy(bucket, json.dumps(policy))
        else:
            store.delete_bucket_policy(bucket)
    except S3Error as why:
        if not _is_refusal(why):
            raise
        if not public:
            return ""  # a store without policies, or a key without rights to them
        raise Stop(
            "store_refused",
            f"The object store does not allow public read access to bucket {bucket} ({why.code}). "
            "Allow public policies for it (on Amazon, see Block Public Access), or set "
            "S3_PUBLIC_READ=false.",
        ) from why
    return f", its objects are now {'publicly readable' if public else 'private'}"


def _policy(store: Minio, bucket: str) -> dict[str, Any]:
    try:
        policy = json.loads(store.get_bucket_policy(bucket))
    except S3Error as why:
        if why.code != "NoSuchBucketPolicy":
            raise
        policy = {}
    return {"Version": "2012-10-17"} | (policy if isinstance(policy, dict) else {})


def _set_abort_rule(store: Minio, bucket: str) -> str:
    """A killed worker leaves the parts of its uploads. S3 replaces all rules at once, and minio-py
    does not read all that a rule can say, so a bucket that has rules keeps them as they are."""
    try:
        present = store.get_bucket_lifecycle(bucket)
        if present is None or not present.rules:
            store.set_bucket_lifecycle(bucket, LifecycleConfig([ABORT_RULE]))
            return ", incomplete uploads are now removed after a day"
        if any(map(_aborts_all, present.rules)):
            return ""
    except ValueError:
        pass  # rules that minio-py cannot read
    except S3Error as why:
        if not _is_refusal(why):
            raise
        return (
            ". The store rejected a lifecycle rule that removes incomplete uploads after a day "
            f"({why.code}), so a killed worker may leave parts there. (MinIO removes them "
            "automatically.)"
        )
    return (
        ". The bucket has lifecycle rules of its own, which were not changed. Add one that removes "
        "incomplete multipart uploads, because a killed worker may leave parts there."
    )


def _aborts_all(rule: Rule) -> bool:
    scope = rule.rule_filter
    whole = scope is None or (not scope.prefix and not scope.tag and not scope.and_operator)
    return bool(rule.abort_incomplete_multipart_upload) and rule.status == ENABLED and whole


def _is_refusal(why: S3Error) -> bool:
    """Whether the store will not do it at all; else it cannot do it now."""
    return why.response.status < 500 or why.code == "NotImplemented"
