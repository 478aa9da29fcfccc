{#- Every reason for which cleaning sets a reading aside. A test compares their sum with the quarantine, so that a
    reason that is missing here shows at once. -#}
{% macro quarantine_reasons() -%}
    {{ return([
        'unknown_channel',
        'bad_quality',
        'not_finite',
        'clock_jump',
        'mistaken_unit',
        'out_of_range',
        'superseded',
        'stuck',
        'spike',
        'too_fast',
        'off_reference',
    ]) }}
{%- endmacro %}
