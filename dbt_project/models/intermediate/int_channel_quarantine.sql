select
    quarantined.plant,
    quarantined.fleet,
    -- Quarantined readings are as they came, under the historian's tag; an unknown tag is shown under its own name.
    coalesce(tags.channel, quarantined.channel) as channel,
    count(*) as n_quarantined,
    {%- for reason in quarantine_reasons() %}
    count(*) filter (where quarantined.reason = '{{ reason }}') as n_{{ reason }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ source('lake', 'quarantined_reading') }} as quarantined
left join {{ source('lake', 'channel_tag') }} as tags
    on quarantined.plant = tags.plant
    and quarantined.fleet = tags.fleet
    and quarantined.channel = tags.tag
group by all
