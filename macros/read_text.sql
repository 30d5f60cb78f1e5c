{#- Text that stands for something else. What can't be read is NULL, never an error: one
    odd message must not stop a build. -#}

{#- "1.0" is 1; a fraction is unreadable. -#}
{% macro read_whole_number(text) -%}
    case
        when trim({{ text }}) rlike '^[+-]?[0-9]+([.]0+)?$'
            then try_cast(substring_index(trim({{ text }}), '.', 1) as int)
    end
{%- endmacro %}

{#- ISO 8601 date and time, in UTC where no zone is given. A cast alone would also read
    a year, or a time of day as one of today; there is no year 0. -#}
{% macro read_iso_timestamp(text) -%}
    case
        when
            trim({{ text }}) rlike
            '^(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$'
            then try_cast(trim({{ text }}) as timestamp)
    end
{%- endmacro %}

{#- Seconds since 1970 with a fraction, rounded to microseconds; years 1 to 9999. Even
    try_cast throws where an exponent is beyond what a decimal can count. -#}
{% macro read_epoch_seconds(text) -%}
    case
        when
            trim({{ text }}) rlike '^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]{1,2})?$'
            and try_cast(trim({{ text }}) as double) >= -62135596800
            and try_cast(trim({{ text }}) as double) < 253402300800
            then timestamp_micros(
                try_cast(
                    round(try_cast(trim({{ text }}) as decimal(38, 18)), 6) * 1000000
                    as bigint
                )
            )
    end
{%- endmacro %}
