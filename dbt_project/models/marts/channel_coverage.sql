with

catalogue as (
    select *, true as is_in_catalogue from {{ ref('stg_channel_catalogue') }}
),

accepted as (
    select * from {{ ref('int_channel_statistics') }}
),

quarantined as (
    select * from {{ ref('int_channel_quarantine') }}
),

fleets as (
    select * from {{ ref('int_fleet_size') }}
),

units as (
    select * from {{ ref('int_channel_units') }}
),

gaps as (
    select plant, fleet, channel, max(gap_h) as longest_gap_h, max(gap_cycles) as longest_gap_cycles
    from {{ ref('int_unit_channel_gap') }}
    group by all
)

select
    plant,
    fleet,
    channel,
    catalogue.tag,
    catalogue.unit,
    catalogue.role,
    catalogue.value_low,
    catalogue.value_high,
    coalesce(catalogue.is_in_catalogue, false) as is_in_catalogue,
    coalesce(accepted.n_units, 0) as n_units_reporting,
    coalesce(fleets.n_units_in_fleet, 0) as n_units_in_fleet,
    coalesce(units.n_units_begun_late, 0) as n_units_begun_late,
    coalesce(accepted.n_unit_periods, 0) as n_unit_periods_seen,
    coalesce(fleets.n_unit_periods_in_fleet, 0) as n_unit_periods_expected,
    units.n_expected,
    coalesce(accepted.n_readings, 0) as n_readings,
    {{ share_of('coalesce(accepted.n_readings, 0)', 'units.n_expected') }} as coverage_share,
    units.worst_unit_id,
    units.worst_unit_coverage_share,
    coalesce(accepted.n_gaps, 0) as n_gaps,
    gaps.longest_gap_h,
    gaps.longest_gap_cycles,
    coalesce(accepted.n_readings, 0) + coalesce(quarantined.n_quarantined, 0) as n_judged,
    coalesce(accepted.n_readings, 0) / nullif(n_judged, 0) as accepted_share,
    coalesce(quarantined.n_quarantined, 0) as n_quarantined,
    {%- for reason in quarantine_reasons() %}
    coalesce(quarantined.n_{{ reason }}, 0) as n_{{ reason }},
    {%- endfor %}
    {%- for reason in quarantine_reasons() %}
    coalesce(quarantined.n_{{ reason }}, 0) / nullif(n_judged, 0) as {{ reason }}_share,
    {%- endfor %}
    accepted.first_ts_utc,
    accepted.last_ts_utc,
    accepted.first_cycle,
    accepted.last_cycle,
    accepted.value_min,
    accepted.value_mean,
    accepted.value_max
from catalogue
full outer join accepted using (plant, fleet, channel)
full outer join quarantined using (plant, fleet, channel)
left join units using (plant, fleet, channel)
left join gaps using (plant, fleet, channel)
left join fleets using (plant, fleet)
