{#- Whether a table has a file in the lake. A plant whose stations have handed nothing on has no verdicts, and DuckDB
    refuses to read no file at all. -#}
{% macro is_in_lake(table) -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set found = run_query("select count(*) from glob('" ~ env_var('FACTORY_LAKE') ~ "/" ~ table ~ "/*/*.parquet')") -%}
    {{ return(found.rows[0][0] > 0) }}
{%- endmacro %}
