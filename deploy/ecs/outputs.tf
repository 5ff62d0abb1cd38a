output "load_balancer" {
  description = "Point the DNS name in `host` at it."
  value       = aws_lb.page.dns_name
}

output "setup_command" {
  description = "Creates topics, bucket rules and tables. Run it after the first apply, and at each upgrade."
  value = join(" ", [
    "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.fleet.name} --launch-type FARGATE",
    "--task-definition ${aws_ecs_task_definition.services["setup"].family}",
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", var.private_subnet_ids)}],securityGroups=[${aws_security_group.services.id}]}'",
  ])
}
