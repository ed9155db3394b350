"""Settings of the Celery workers, read by `dagster_celery.app`: put this folder on their PYTHONPATH."""

import os

broker_url = os.environ["PETADAY_BROKER_URL"]
result_backend = broker_url
task_default_queue = "dagster"
worker_prefetch_multiplier = 1
worker_cancel_long_running_tasks_on_connection_loss = False
broker_connection_retry_on_startup = True
# Redis may be away for minutes: go on trying.
broker_connection_max_retries = None
redis_backend_health_check_interval = 10
result_backend_always_retry = True
