{#- Where a mart's file lies in the lake. -#}
{% macro lake_file(name) -%}
    {{ env_var('FACTORY_LAKE') }}/{{ name }}/all.parquet
{%- endmacro %}


{#- Post-hook of every mart: write it into the lake, whole. DuckDB writes a temporary file beside it and renames
    that. The folder must exist: Dagster's asset makes it, by hand it is `mkdir`. -#}
{% macro write_to_lake(relation) -%}
    copy (select * from {{ relation }} order by all)
    to '{{ lake_file(relation.identifier) }}' (format parquet, compression zstd, use_tmp_file true)
{%- endmacro %}


{#- Before a run: marts that this run does not build, but may test or read, become views over their files. -#}
{% macro register_marts() -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() -%}
            {%- if node.resource_type == 'model'
                and node.config.materialized == 'table'
                and node.unique_id not in selected_resources -%}
                {%- set file = lake_file(node.alias) -%}
                {%- set found = run_query("select count(*) from glob('" ~ file ~ "')") -%}
                {%- if found.rows[0][0] -%}
                    {%- do run_query(
                        "create or replace view " ~ node.relation_name
                        ~ " as select * from read_parquet('" ~ file ~ "')"
                    ) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
