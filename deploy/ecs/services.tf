locals {
  # Processor in units of 1/1024, memory in MiB: pairs that Fargate offers. A service without a role has
  # no rights on AWS.
  services = {
    api = {
      environment = merge(local.kafka, local.store, local.public, local.tracing, local.api)
      secrets     = merge(local.database_secret, local.drive_secret, local.api_secret)
      role        = aws_iam_role.store.arn
      port        = local.api_port
      cpu         = 1024
      memory      = 2048
      count       = 2
      read_only   = true
    }
    lister = {
      environment = merge(local.kafka, local.metrics, local.tracing)
      secrets     = local.drive_secret
      role        = null
      port        = local.metrics_port
      cpu         = 256
      memory      = 512
      count       = 2
      read_only   = true
    }
    transfer = {
      environment = merge(local.kafka, local.store, local.metrics, local.tracing)
      secrets     = local.drive_secret
      role        = aws_iam_role.store.arn
      port        = local.metrics_port
      cpu         = 1024
      memory      = 2048
      count       = 1
      read_only   = true
    }
    indexer = {
      environment = merge(local.kafka, local.metrics, local.tracing)
      secrets     = local.database_secret
      role        = null
      port        = local.metrics_port
      cpu         = 512
      memory      = 1024
      count       = 2
      read_only   = true
    }
    # It makes a temporary folder, and on Fargate only root can write to a volume.
    monitor = {
      environment = merge(local.kafka, local.metrics)
      secrets     = {}
      role        = null
      port        = local.metrics_port
      cpu         = 256
      memory      = 512
      count       = 2
      read_only   = false
    }
    webhooks = {
      environment = merge(local.kafka, local.metrics, local.tracing, local.public)
      secrets     = local.webhook_secrets
      role        = null
      port        = local.metrics_port
      cpu         = 256
      memory      = 512
      count       = var.webhooks ? 1 : 0
      read_only   = true
    }
    # Run by hand, before the first start and at each upgrade: see `setup_command`.
    setup = {
      environment = merge(local.kafka, local.store)
      secrets     = local.database_secret
      role        = aws_iam_role.setup.arn
      port        = null
      cpu         = 256
      memory      = 512
      count       = 0
      read_only   = true
    }
  }
  # The transfer's number is scaled.
  steady = { for name, service in local.services : name => service if !contains(["setup", "transfer"], name) }
}

resource "aws_ecs_cluster" "fleet" {
  name = var.name
}

resource "aws_cloudwatch_log_group" "services" {
  name              = "/drivestream/${var.name}"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "services" {
  for_each                 = local.services
  family                   = "${var.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = each.value.role

  container_definitions = jsonencode([{
    name      = each.key
    image     = var.services_image
    essential = true
    command   = ["python", "-m", "services.${each.key}"]
    # Longer than a worker needs to finish or release the files in flight.
    stopTimeout            = 45
    readonlyRootFilesystem = each.value.read_only
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    environment = [
      for key, value in merge(each.value.environment, lookup(var.settings, each.key, {})) : { name = key, value = value } if value != ""
    ]
    secrets = [for key, arn in each.value.secrets : { name = key, valueFrom = arn }]
    healthCheck = each.value.port == null ? null : {
      command = [
        "CMD", "python", "-c",
        "import urllib.request; urllib.request.urlopen(\"http://127.0.0.1:${each.value.port}/health/live\", timeout=3)",
      ]
      interval    = 10
      timeout     = 5
      retries     = 6
      startPeriod = 300
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.services.name
        awslogs-region        = var.region
        awslogs-stream-prefix = each.key
      }
    }
  }])
}

resource "aws_ecs_service" "steady" {
  for_each        = local.steady
  name            = each.key
  cluster         = aws_ecs_cluster.fleet.id
  task_definition = aws_ecs_task_definition.services[each.key].arn
  desired_count   = each.value.count
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.services.id]
  }

  dynamic "service_registries" {
    for_each = each.key == "api" ? [aws_service_discovery_service.api.arn] : []
    content {
      registry_arn = service_registries.value
    }
  }
}

resource "aws_ecs_service" "transfer" {
  name            = "transfer"
  cluster         = aws_ecs_cluster.fleet.id
  task_definition = aws_ecs_task_definition.services["transfer"].arn
  desired_count   = local.services.transfer.count
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.services.id]
  }

  # Scaling changes it.
  lifecycle {
    ignore_changes = [desired_count]
  }
}
