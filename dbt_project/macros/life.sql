{#- Whether a reading belongs to a life. Archives are told by cycle; where there is only time, the last cycle of a
    life begins at `last_ts_utc` and lasts for a cycle length. -#}
{% macro is_in_life(reading, life) -%}
    case
        when {{ reading }}.cycle is not null
            then {{ reading }}.cycle between {{ life }}.first_cycle and {{ life }}.last_cycle
        else
            {{ reading }}.ts_utc >= {{ life }}.first_ts_utc
            and {{ reading }}.ts_utc < {{ life }}.end_ts_utc
    end
{%- endmacro %}
