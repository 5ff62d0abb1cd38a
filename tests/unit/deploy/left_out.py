"""Settings that a deployment leaves to its default, each with the reason.

A new setting of a service belongs either here or into a file of `deploy/kubernetes/base/config`
(a secret into `deploy/kubernetes/secrets.example.yaml`).
"""

from collections.abc import Mapping

LEFT_OUT: Mapping[str, str] = {
    "API_OPEN": "the old name of ALLOW_WITHOUT_KEYS",
    "AWS_PROFILE": "a pod has no profile; on Amazon its service account has a role",
    "AWS_SESSION_TOKEN": "temporary keys would end while the pod runs",
    "GOOGLE_APPLICATION_CREDENTIALS": "components/service-account sets it and mounts the file",
    "KAFKA_CA_FILE": "it needs a file, which only the owner of the CA can mount",
    "S3_CA_FILE": "it needs a file, which only the owner of the CA can mount",
}
