{% test shares(model, columns) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    where false
    {%- for column in columns %}
        or {{ column }} not between 0 and 1
    {%- endfor %}
{% endtest %}
