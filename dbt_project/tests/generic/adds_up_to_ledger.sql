{#- A file that is missing from the lake or read twice, or a join that drops or multiplies rows, shows as a mart that
    the ledger does not agree with; so does a ledger that does not agree with itself. -#}
{% test adds_up_to_ledger(model, accepted, quarantined) %}
    with

    ledger as (
        select
            plant,
            fleet,
            sum(extracted) as n_extracted,
            sum(accepted) as n_accepted,
            sum(quarantined) as n_quarantined,
            sum(duplicates) as n_duplicates
        from {{ source('lake', 'cleaning_ledger') }}
        group by all
    ),

    mart as (
        select plant, fleet, sum({{ accepted }}) as n_accepted, sum({{ quarantined }}) as n_quarantined
        from {{ model }}
        group by all
    ),

    compared as (
        select
            plant,
            fleet,
            coalesce(ledger.n_extracted, 0) as n_extracted,
            coalesce(ledger.n_duplicates, 0) as n_duplicates,
            coalesce(ledger.n_accepted, 0) as n_accepted_in_ledger,
            coalesce(mart.n_accepted, 0) as n_accepted_in_mart,
            coalesce(ledger.n_quarantined, 0) as n_quarantined_in_ledger,
            coalesce(mart.n_quarantined, 0) as n_quarantined_in_mart
        from ledger
        full outer join mart using (plant, fleet)
    )

    select *
    from compared
    where
        n_accepted_in_ledger != n_accepted_in_mart
        or n_quarantined_in_ledger != n_quarantined_in_mart
        or n_extracted != n_accepted_in_ledger + n_quarantined_in_ledger + n_duplicates
{% endtest %}
