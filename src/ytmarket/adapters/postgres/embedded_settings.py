"""What the embedded PostgreSQL is told: names, sizes, safety and logging."""

from typing import Final

ROLE: Final = "ytmarket"
DATABASE: Final = "ytmarket"
#: Written once, into postgresql.conf, where an operator may change them.
TUNING: Final = {
    "max_connections": "60",
    "shared_buffers": "128MB",
    "jit": "off",
}
#: Given at every start, above whatever the files say: safety is not a matter of tuning.
SAFETY: Final = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "timezone": "UTC",
    "lc_messages": "C",
}
#: A file for each day of the week, which the same day of the next week overwrites. Statements
#: stay out of it: they could carry a customer's data.
LOGGING: Final = {
    "logging_collector": "on",
    "log_destination": "stderr",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "cluster_name": "ytmarket",
}
