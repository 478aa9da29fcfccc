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
    coalesce(accepted.n_unit_periods, 0) as n_unit_periods_seen,
    coalesce(fleets.n_unit_periods_in_fleet, 0) as n_unit_periods_expected,
    coalesce(accepted.n_readings, 0) as n_readings,
    coalesce(accepted.n_gaps, 0) as n_gaps,
    coalesce(quarantined.n_quarantined, 0) as n_quarantined,
    coalesce(quarantined.n_bad_quality, 0) as n_bad_quality,
    coalesce(quarantined.n_not_finite, 0) as n_not_finite,
    coalesce(quarantined.n_out_of_range, 0) as n_out_of_range,
    coalesce(quarantined.n_unknown_channel, 0) as n_unknown_channel,
    coalesce(quarantined.n_superseded, 0) as n_superseded,
    coalesce(quarantined.n_out_of_range, 0)
        / nullif(coalesce(accepted.n_readings, 0) + coalesce(quarantined.n_quarantined, 0), 0) as out_of_range_share,
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
left join fleets using (plant, fleet)
