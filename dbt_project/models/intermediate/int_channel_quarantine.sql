with

catalogue as (
    select plant, fleet, channel, tag from {{ ref('stg_channel_catalogue') }}
)

select
    quarantined.plant,
    quarantined.fleet,
    -- Quarantined readings are as they came, under the historian's tag; an unknown tag is shown under its own name.
    coalesce(catalogue.channel, quarantined.channel) as channel,
    count(*) as n_quarantined,
    count(*) filter (where quarantined.reason = 'bad_quality') as n_bad_quality,
    count(*) filter (where quarantined.reason = 'not_finite') as n_not_finite,
    count(*) filter (where quarantined.reason = 'out_of_range') as n_out_of_range,
    count(*) filter (where quarantined.reason = 'unknown_channel') as n_unknown_channel,
    count(*) filter (where quarantined.reason = 'superseded') as n_superseded
from {{ source('lake', 'quarantined_reading') }} as quarantined
left join catalogue
    on quarantined.plant = catalogue.plant
    and quarantined.fleet = catalogue.fleet
    and quarantined.channel = catalogue.tag
group by all
