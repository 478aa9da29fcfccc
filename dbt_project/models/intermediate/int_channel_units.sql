with

spans as (
    select * from {{ ref('int_unit_channel_span') }}
),

-- A unit that never reported a channel is expected to all the same.
expected as (
    select
        catalogue.plant,
        catalogue.fleet,
        catalogue.channel,
        catalogue.role,
        units.unit_id,
        units.first_ts_utc as unit_first_ts_utc,
        units.first_cycle as unit_first_cycle,
        case when catalogue.role in ('sensor', 'setting') then units.n_expected_while_running else units.n_expected end
            as n_expected
    from {{ ref('stg_channel_catalogue') }} as catalogue
    inner join {{ ref('int_unit_expected') }} as units using (plant, fleet)
),

of_unit as (
    select
        expected.*,
        {{ share_of('coalesce(spans.n_readings, 0)', 'expected.n_expected') }} as coverage_share,
        -- Silence before a machine's first shift is no late beginning.
        spans.first_ts_utc > expected.unit_first_ts_utc + interval {{ var('late_after_days') }} day
        or spans.first_cycle > expected.unit_first_cycle + {{ var('late_after_cycles') }} as is_late
    from expected
    left join spans using (plant, fleet, unit_id, channel)
)

select
    plant,
    fleet,
    channel,
    sum(n_expected)::bigint as n_expected,
    count(*) filter (where is_late) as n_units_begun_late,
    min(coverage_share) as worst_unit_coverage_share,
    first(unit_id order by coverage_share, unit_id) filter (where coverage_share < 1) as worst_unit_id
from of_unit
group by all
