{#- The UTC day of a reading as text, or 'archive' for a reading that has a cycle and no time. -#}
{% macro period_of(ts_utc) -%}
    coalesce(strftime({{ ts_utc }}::date, '%Y-%m-%d'), 'archive')
{%- endmacro %}


{#- Seconds from one time to another, to the millisecond. -#}
{% macro seconds_between(from_ts_utc, to_ts_utc) -%}
    date_diff('millisecond', {{ from_ts_utc }}, {{ to_ts_utc }}) / 1000
{%- endmacro %}


{#- A number for the stretch that a reading lies in: its UTC day, or a hundred cycles of an archive. -#}
{% macro stretch_of(ts_utc, cycle) -%}
    coalesce({{ ts_utc }}::date - date '1970-01-01', {{ cycle }} // 100)
{%- endmacro %}
