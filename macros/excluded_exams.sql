{#- Whether an attempt is scored follows a seed, so an edit of the seed changes rows
    that no new message touches. A property of each table that says which attempts are
    scored has the hashes of the exams that were excluded when it was built. Spark shows
    no property whose value looks like a password or an address, which an identifier
    may. -#}
{% macro attempts_with_changed_score() -%}
    {{ changed_attempts() }}
    {%- if execute and is_incremental() -%}
        {%- set kept = table_properties(this).get('assessments.excluded-exams', '') -%}
        {%- set before = kept.split(',') | select | list -%}
        {%- set now = excluded_exam_hashes() -%}
        {%- set changed = [] -%}
        {%- for exam in before + now if exam not in before or exam not in now -%}
            {%- do changed.append("'" ~ exam ~ "'") -%}
        {%- endfor -%}
        {%- if changed %}
        union all
        select
            _kafka_partition,
            _kafka_offset
        from {{ ref('int_attempts__deduplicated') }}
        where md5(exam_id) in ({{ changed | join(', ') }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- The only rule. Both are aliases; excluded_exams is left-joined by exam_id. -#}
{% macro is_scored(attempts, excluded_exams) -%}
    ({{ attempts }}.is_scorable and {{ excluded_exams }}.exam_id is null)
{%- endmacro %}

{#- Runs after such a table is built: if the build fails, the next one finds the same
    exams changed. -#}
{% macro remember_excluded_exams() -%}
    {%- if execute -%}
        {%- set exams = excluded_exam_hashes() | join(',') -%}
        {%- if table_properties(this).get('assessments.excluded-exams') != exams -%}
            alter table {{ this }} set tblproperties
            ('assessments.excluded-exams' = '{{ exams }}')
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro excluded_exam_hashes() -%}
    {{ return(run_query(
        'select md5(exam_id) from ' ~ ref('excluded_exams') ~ ' order by all'
    ).rows | map(attribute=0) | list) }}
{%- endmacro %}
