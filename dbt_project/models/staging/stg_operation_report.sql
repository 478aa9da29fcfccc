{%- set columns = {
    'plant': ('plant', 'varchar'),
    'report_day': ('day', 'date'),
    'order_id': ('order_id', 'varchar'),
    'task_id': ('task_id', 'varchar'),
    'machine_id': ('machine_id', 'varchar'),
    'began_utc': ('began_utc', 'timestamptz'),
    'ended_utc': ('ended_utc', 'timestamptz'),
} -%}

{%- set is_there = is_in_lake('operation_report', '*.parquet') -%}

select
    {%- for name, (expression, type) in columns.items() %}
    {% if is_there %}{{ expression }}{% else %}null{% endif %}::{{ type }} as {{ name }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% if is_there -%}
from {{ source('lake', 'operation_report') }}
{%- else -%}
where false
{%- endif %}
