variable "name" {
  description = "Of the installation; everything is named after it."
  type        = string
  default     = "drivestream"
}

variable "region" {
  description = "Where it runs, such as eu-central-1."
  type        = string
}

variable "vpc_id" {
  type = string
}

variable "public_subnet_ids" {
  description = "Of the load balancer, in two zones or more."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Of everything else, in three zones, with a way out to Google (a NAT gateway)."
  type        = list(string)
}

variable "private_route_table_ids" {
  description = "Get a gateway endpoint for S3, so that images do not pass the NAT gateway again."
  type        = list(string)
}

variable "services_image" {
  description = "Of all services: deploy/Dockerfile, target services, in a registry that ECS can read."
  type        = string
}

variable "web_image" {
  description = "Of the page: web/Dockerfile."
  type        = string
}

variable "host" {
  description = "The name at which browsers reach the page, such as drivestream.example.org."
  type        = string
}

variable "certificate_arn" {
  description = "A certificate of ACM for `host`."
  type        = string
}

variable "allowed_cidrs" {
  description = "Who may reach the page."
  type        = list(string)
}

variable "bucket" {
  description = "The name of the bucket. It is made, and kept when everything else is destroyed."
  type        = string
}

variable "secrets_arn" {
  description = "A secret of Secrets Manager that you make: JSON with GOOGLE_API_KEY and API_KEYS, and with WEBHOOK_URLS and WEBHOOK_SECRET if `webhooks` is true."
  type        = string
}

variable "webhooks" {
  description = "Whether webhooks are sent."
  type        = bool
  default     = false
}

variable "trace_endpoint" {
  description = "The base address of a receiver of OTLP over HTTP, such as http://collector.example.org:4318. Without one nothing is traced."
  type        = string
  default     = ""
}

variable "traced_files" {
  description = "The part of the files that is traced, from 0 to 1. Imports are always traced."
  type        = number
  default     = 0.01
  validation {
    condition     = var.traced_files >= 0 && var.traced_files <= 1
    error_message = "It must be from 0 to 1."
  }
}

variable "settings" {
  description = "Further settings by service, such as { transfer = { TRANSFER_CONCURRENCY = \"64\" } }."
  type        = map(map(string))
  default     = {}
}

variable "kafka_version" {
  description = "As Amazon MSK names it."
  type        = string
  default     = "4.1.x.kraft"
}

variable "kafka_instance_type" {
  type    = string
  default = "kafka.m7g.large"
}

variable "kafka_storage_gb" {
  description = "For each of three brokers."
  type        = number
  default     = 200
}

variable "database_instance_class" {
  type    = string
  default = "db.m7g.large"
}

variable "database_password_version" {
  description = "Raise it to change the password. Then start the tasks again."
  type        = number
  default     = 1
}

variable "most_transfers" {
  description = "Transfer tasks at most. More than files.found has partitions would have nothing to do."
  type        = number
  default     = 12
  validation {
    condition     = var.most_transfers >= 1 && var.most_transfers <= 12
    error_message = "It must be from 1 to 12."
  }
}
