# Each service gets only the settings that it reads.
locals {
  api_port     = 3000
  web_port     = 5173
  metrics_port = 9464

  # Amazon's CA has signed the certificates of the brokers.
  kafka = {
    KAFKA_BOOTSTRAP_SERVERS = aws_msk_cluster.kafka.bootstrap_brokers_tls
    KAFKA_SECURITY_PROTOCOL = "SSL"
  }
  store = {
    AWS_REGION     = var.region
    S3_BUCKET      = aws_s3_bucket.images.id
    S3_PUBLIC_READ = "false"
  }
  # Only within the task's own network interface: the health check reads it.
  metrics = { METRICS_HOST = "127.0.0.1", METRICS_PORT = tostring(local.metrics_port) }
  # No endpoint, no traces. The receiver must be reachable from the private subnets.
  tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT = var.trace_endpoint
    OTEL_TRACES_SAMPLER_ARG     = tostring(var.traced_files)
  }
  public  = { API_PUBLIC_URL = "https://${var.host}/api" }
  api = {
    HOST          = "0.0.0.0"
    PORT          = tostring(local.api_port)
    ALLOWED_HOSTS = "${var.host},${local.api_host}"
  }

  database_secret = { DATABASE_URL = aws_secretsmanager_secret.database_url.arn }
  drive_secret    = { GOOGLE_API_KEY = "${var.secrets_arn}:GOOGLE_API_KEY::" }
  api_secret      = { API_KEYS = "${var.secrets_arn}:API_KEYS::" }
  webhook_secrets = {
    WEBHOOK_URLS   = "${var.secrets_arn}:WEBHOOK_URLS::"
    WEBHOOK_SECRET = "${var.secrets_arn}:WEBHOOK_SECRET::"
  }
}
