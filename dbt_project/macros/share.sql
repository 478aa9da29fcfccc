{#- A part of a whole, at most 1; null if the whole is nothing or not known (`least` would make 1 of that). -#}
{% macro share_of(part, whole) -%}
    if({{ part }} > nullif({{ whole }}, 0), 1, {{ part }} / nullif({{ whole }}, 0))
{%- endmacro %}


{#- A share as text for a person, in SQL and in a threshold that is known before: '62.5 %'. -#}
{% macro percent_of(share) -%}
    printf('%.1f %%', 100 * {{ share }})
{%- endmacro %}


{% macro percent(share) -%}
    {{ '%.1f' | format(100 * share) }} %%
{%- endmacro %}
