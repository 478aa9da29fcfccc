{%- set columns = {
    'plant': ('plant', 'varchar'),
    'timezone': ('timezone', 'varchar'),
    'day_begins': ('day_begins', 'time'),
} -%}

{%- set is_there = is_in_lake('planning_calendar', 'all.parquet') -%}

select
    {%- for name, (expression, type) in columns.items() %}
    {% if is_there %}{{ expression }}{% else %}null{% endif %}::{{ type }} as {{ name }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% if is_there -%}
from {{ source('lake', 'planning_calendar') }}
{%- else -%}
where false
{%- endif %}
