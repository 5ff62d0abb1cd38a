locals {
  api_host = "api.${aws_service_discovery_private_dns_namespace.fleet.name}"
}

# The page's nginx finds the API by this name, whatever the addresses of its tasks.
resource "aws_service_discovery_private_dns_namespace" "fleet" {
  name = "${var.name}.internal"
  vpc  = var.vpc_id
}

resource "aws_service_discovery_service" "api" {
  name = "api"
  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.fleet.id
    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

# nginx writes its configuration when it starts, and on Fargate only root can write to a volume.
resource "aws_ecs_task_definition" "web" {
  family                   = "${var.name}-web"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.start.arn

  container_definitions = jsonencode([{
    name            = "web"
    image           = var.web_image
    essential       = true
    stopTimeout     = 20
    linuxParameters = { capabilities = { drop = ["ALL"] } }
    environment     = [{ name = "API_URL", value = "http://${local.api_host}:${local.api_port}" }]
    portMappings    = [{ containerPort = local.web_port }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.services.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "web"
      }
    }
  }])
}

resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.fleet.id
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 2
  launch_type     = "FARGATE"

  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.web.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = local.web_port
  }

  depends_on = [aws_lb_listener.https]
}

resource "aws_lb" "page" {
  name               = var.name
  load_balancer_type = "application"
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = var.public_subnet_ids
  # As long as the page's nginx waits for the API.
  idle_timeout = 120
}

resource "aws_lb_target_group" "web" {
  name        = "${var.name}-web"
  port        = local.web_port
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = var.vpc_id
  # Event streams stay open; a browser connects again.
  deregistration_delay = 15
  health_check {
    path = "/healthz"
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.page.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
