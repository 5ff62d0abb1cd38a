# The transfer follows its lag, as MSK reports it to CloudWatch each minute. Unlike KEDA, this cannot leave
# out lag that does not move.
resource "aws_appautoscaling_target" "transfer" {
  service_namespace  = "ecs"
  resource_id        = "service/${aws_ecs_cluster.fleet.name}/${aws_ecs_service.transfer.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = 1
  max_capacity       = var.most_transfers
}

resource "aws_appautoscaling_policy" "more" {
  name               = "${var.name}-more-transfers"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.transfer.service_namespace
  resource_id        = aws_appautoscaling_target.transfer.resource_id
  scalable_dimension = aws_appautoscaling_target.transfer.scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 120
    metric_aggregation_type = "Maximum"
    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = 8000
      scaling_adjustment          = 1
    }
    step_adjustment {
      metric_interval_lower_bound = 8000
      scaling_adjustment          = 3
    }
  }
}

resource "aws_appautoscaling_policy" "fewer" {
  name               = "${var.name}-fewer-transfers"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.transfer.service_namespace
  resource_id        = aws_appautoscaling_target.transfer.resource_id
  scalable_dimension = aws_appautoscaling_target.transfer.scalable_dimension
  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 300
    metric_aggregation_type = "Maximum"
    step_adjustment {
      metric_interval_upper_bound = 0
      scaling_adjustment          = -1
    }
  }
}

locals {
  lag_of_transfer = {
    "Cluster Name"   = aws_msk_cluster.kafka.cluster_name
    "Consumer Group" = "transfer"
    "Topic"          = "files.found"
  }
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${var.name}-transfer-behind"
  namespace           = "AWS/Kafka"
  metric_name         = "SumOffsetLag"
  dimensions          = local.lag_of_transfer
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 2
  threshold           = 2000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_appautoscaling_policy.more.arn]
}

# Missing data is no sign of rest: MSK reports none while the group rebalances.
resource "aws_cloudwatch_metric_alarm" "idle" {
  alarm_name          = "${var.name}-transfer-idle"
  namespace           = "AWS/Kafka"
  metric_name         = "SumOffsetLag"
  dimensions          = local.lag_of_transfer
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 10
  threshold           = 200
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_appautoscaling_policy.fewer.arn]
}
