{%- set columns = {
    'plant': ('plant', 'varchar'),
    'plan_day': ('day', 'date'),
    'schedule_id': ('schedule_id', 'varchar'),
    'task_id': ('task_id', 'varchar'),
    'kind': ('kind', 'varchar'),
    'order_id': ('order_id', 'varchar'),
    'machine_id': ('machine_id', 'varchar'),
    'start_utc': ('start_utc', 'timestamptz'),
    'end_utc': ('end_utc', 'timestamptz'),
    'due_utc': ('due_utc', 'timestamptz'),
} -%}

{%- set is_there = is_in_lake('daily_schedule', '*.parquet') -%}

select
    {%- for name, (expression, type) in columns.items() %}
    {% if is_there %}{{ expression }}{% else %}null{% endif %}::{{ type }} as {{ name }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% if is_there -%}
from {{ source('lake', 'daily_schedule') }}
{%- else -%}
where false
{%- endif %}
