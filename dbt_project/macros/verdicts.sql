{#- Whether a table has a file in the lake. A plant whose stations have handed nothing on has no verdicts, and DuckDB
    refuses to read no file at all. `files` is how the table's files lie: below a fleet or product, one a day, or alone. -#}
{% macro is_in_lake(table, files='*/*.parquet') -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set found = run_query("select count(*) from glob('" ~ env_var('FACTORY_LAKE') ~ "/" ~ table ~ "/" ~ files ~ "')") -%}
    {{ return(found.rows[0][0] > 0) }}
{%- endmacro %}
