-- The ledger counts fleets. This counts channels: more judged than extracted readings of one means that a tag or an
-- alias was taken for another channel.
with

extracted as (
    select
        readings.plant,
        readings.fleet,
        coalesce(tags.channel, readings.channel) as channel,
        count(*) as n_extracted
    from {{ source('lake', 'historian_extract') }} as readings
    left join {{ source('lake', 'channel_tag') }} as tags
        on readings.plant = tags.plant
        and readings.fleet = tags.fleet
        and readings.channel = tags.tag
    group by all
)

select plant, fleet, channel, coalesce(extracted.n_extracted, 0) as n_extracted, coverage.n_readings, coverage.n_judged
from {{ ref('channel_coverage') }} as coverage
left join extracted using (plant, fleet, channel)
where coverage.n_judged > coalesce(extracted.n_extracted, 0)
