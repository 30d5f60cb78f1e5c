-- Facts, totals and score summary count the same scored attempts and courses.
with totals as (

    select
        'fct_attempts' as counted_in,
        count(*) as attempt_count,
        count(distinct course_name) as course_count
    from {{ ref('fct_attempts') }}
    where is_scored
    union all
    select
        'fct_course_results' as counted_in,
        coalesce(sum(attempt_count), 0) as attempt_count,
        count(*) as course_count
    from {{ ref('fct_course_results') }}
    union all
    select
        'rpt_assessment_totals' as counted_in,
        assessment_count as attempt_count,
        null as course_count
    from {{ ref('rpt_assessment_totals') }}
    where unit = 'scored_attempts'
    union all
    select
        'rpt_course_score_summary' as counted_in,
        max(item_count) filter (where grain = 'attempt') as attempt_count,
        max(item_count) filter (where grain = 'course') as course_count
    from {{ ref('rpt_course_score_summary') }}

),

-- min() and max() ignore the NULL of a model that does not count courses.
compared as (

    select
        counted_in,
        attempt_count,
        course_count,
        min(attempt_count) over () != max(attempt_count) over ()
        or min(course_count) over () != max(course_count) over () as is_disagreement
    from totals

)

select
    counted_in,
    attempt_count,
    course_count
from compared
where is_disagreement
