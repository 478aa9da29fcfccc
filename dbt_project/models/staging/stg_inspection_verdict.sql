{%- set columns = {
    'plant': 'varchar',
    'product': 'varchar',
    'station': 'varchar',
    'sequence': 'bigint',
    'part_id': 'varchar',
    'triggered_ts_utc': 'timestamptz',
    'concluded_ts_utc': 'timestamptz',
    'verdict': 'varchar',
    'failure': 'varchar',
    'label': 'varchar',
    'total_ms': 'double',
} -%}

select
    {%- for name, type in columns.items() %}
    {% if is_in_lake('inspection_verdict') %}{{ name }}{% else %}null{% endif %}::{{ type }} as {{ name }}
    {%- if not loop.last %},{% endif %}
    {%- endfor %}
{% if is_in_lake('inspection_verdict') -%}
from {{ source('lake', 'inspection_verdict') }}
{%- else -%}
where false
{%- endif %}
