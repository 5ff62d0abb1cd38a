# `services.setup` adds the rule that removes incomplete uploads.
resource "aws_s3_bucket" "images" {
  bucket = var.bucket
  lifecycle {
    prevent_destroy = true
  }
}

# S3_PUBLIC_READ is false: browsers get presigned URLs.
resource "aws_s3_bucket_public_access_block" "images" {
  bucket                  = aws_s3_bucket.images.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id          = var.vpc_id
  service_name    = "com.amazonaws.${var.region}.s3"
  route_table_ids = var.private_route_table_ids
}
