{%- set columns = {
    'plant': ('plant', 'varchar'),
    'plan_day': ('day', 'date'),
    'planned_from_utc': ('read_utc', 'timestamptz'),
} -%}

{%- set is_there = is_in_lake('scheduling_problem', '*.parquet') -%}

select
    {%- for name, (expression, type) in columns.items() %}
    {% if is_there %}{{ expression }}{% else %}null{% endif %}::{{ type }} as {{ name }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% if is_there -%}
from {{ source('lake', 'scheduling_problem') }}
{%- else -%}
where false
{%- endif %}
