# The password is made once, kept in Secrets Manager, and read back from there: a second attempt, after
# one that failed half-way, uses the same.
ephemeral "random_password" "database" {
  length  = 40
  special = false
}

resource "aws_secretsmanager_secret" "database_password" {
  name = "${var.name}/database-password"
}

resource "aws_secretsmanager_secret_version" "database_password" {
  secret_id                = aws_secretsmanager_secret.database_password.id
  secret_string_wo         = ephemeral.random_password.database.result
  secret_string_wo_version = var.database_password_version
}

ephemeral "aws_secretsmanager_secret_version" "database_password" {
  secret_id  = aws_secretsmanager_secret.database_password.id
  version_id = aws_secretsmanager_secret_version.database_password.version_id
}

resource "aws_db_subnet_group" "database" {
  name       = var.name
  subnet_ids = var.private_subnet_ids
}

resource "aws_db_instance" "database" {
  identifier                = var.name
  engine                    = "postgres"
  engine_version            = "17"
  instance_class            = var.database_instance_class
  allocated_storage         = 50
  max_allocated_storage     = 500
  storage_type              = "gp3"
  storage_encrypted         = true
  multi_az                  = true
  db_name                   = "drivestream"
  username                  = "drivestream"
  password_wo               = ephemeral.aws_secretsmanager_secret_version.database_password.secret_string
  password_wo_version       = var.database_password_version
  db_subnet_group_name      = aws_db_subnet_group.database.name
  vpc_security_group_ids    = [aws_security_group.database.id]
  backup_retention_period   = 7
  copy_tags_to_snapshot     = true
  deletion_protection       = true
  final_snapshot_identifier = "${var.name}-final"
}

resource "aws_secretsmanager_secret" "database_url" {
  name = "${var.name}/database-url"
}

resource "aws_secretsmanager_secret_version" "database_url" {
  secret_id                = aws_secretsmanager_secret.database_url.id
  secret_string_wo         = "postgresql://drivestream:${ephemeral.aws_secretsmanager_secret_version.database_password.secret_string}@${aws_db_instance.database.endpoint}/drivestream?sslmode=require"
  secret_string_wo_version = var.database_password_version
}
