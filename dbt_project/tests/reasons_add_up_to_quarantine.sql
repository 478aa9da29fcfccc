-- A reason of cleaning that SQL does not know (macros/quarantine.sql) would be missing from every report.
select plant, fleet, channel, n_quarantined
from {{ ref('channel_coverage') }}
where n_quarantined != {% for reason in quarantine_reasons() %}n_{{ reason }}{{ ' + ' if not loop.last }}{% endfor %}
