{#- The UTC day of a reading as text, or 'archive' for a reading that has a cycle and no time. -#}
{% macro period_of(ts_utc) -%}
    coalesce(strftime({{ ts_utc }}::date, '%Y-%m-%d'), 'archive')
{%- endmacro %}
