/* Tokens made by another program (Python's cryptography 38), and the set of their keys. iss i, aud a, sub
 * bob, exp 2000. */
static const char token_keys[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"RS256\",\"use\":\"sig\",\"n\":\"q522Ul"
    "yy6-mxk1jmafE-xvxxW77LVrUUoOUsaERtWbNl5Z4aYZ2fJXc0zmY7xfTr1l8NwGXVFDcTMfgYN28ENMZX2dI8C40t"
    "Jb-4q0J5p_HNl-czSToYjvCYjIqpwSis-SW9QuPrz--BHK9l7Azl-Xmw0vZvE9T6a15KQRIzgUjIStCNtnyIcx-27l"
    "ltlZzFFpnnZ3kc2xLphVa2y1cAz6P1aXFt3mPHy0e_fI_wmUhRTpmh6peiadFwoU1VrMUuTkW2K4hFN2dTAIIqpwUH"
    "WOh9_Chg3NhF0yvRjnGwfrwdJ3QO5pmhycSiUyYPOkl7sbzq5rGqkFmZUVdA0B46iw\",\"e\":\"AQAB\"},{\"kt"
    "y\":\"EC\",\"kid\":\"e\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"kS5xw--ol4WiIKEjgvs-r"
    "vCM5r5Phm9cXV7sB39OXSc\",\"y\":\"VU6Pl-qLHAVitm8WBMt89TbhJCF1qJK_HcT4K7txaDA\"},{\"kty\":\""
    "EC\",\"kid\":\"e5\",\"alg\":\"ES512\",\"crv\":\"P-521\",\"x\":\"AHL71UEgXBLcH202dvdDmIEhWF"
    "ZQoKGiMn2BowycQGk7SPm6M2iZ5ZWh0n0Pl41dv2RrqDPdHGqBij0hLFcFHpGH\",\"y\":\"AUFQA0WUqhGqp2ZTe"
    "Odlibq9p2gJV_lf6nbk8yV0LJjC8qbBEd1h0ya--C40Hwyg1er6mNJNpbwUwmvy6kJ7JkFT\"},{\"kty\":\"oct\""
    ",\"kid\":\"h\",\"alg\":\"HS256\",\"k\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}]}";

static const struct vector {
    const char *what, *token;
} good_tokens[] =
    {
        {"RS256", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                  "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
                  "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
                  "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
                  "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
                  "VEsxifWyVag37G16zg"},
        {"ES256", "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImUiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                  "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.VB4L0rMWU79xZzCsdUL4vyV1xOjiF0w6nmvtTgXXCucQXqMfh62yee"
                  "DhbKaVt8Guzar6nmBEViZvIHa9h3up3A"},
        {"ES512", "eyJhbGciOiAiRVM1MTIiLCAia2lkIjogImU1IiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSI"
                  "sICJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.AMKMvjWoPaTAyhQx5EZR2cIE27U0EjKXny4RSd3svS1UV6uIxvK-"
                  "EBA8veyKxD1SXRUSEKni8QVzxYymHcAyngzJAPlXw5SNYGC85-rzcK7mXQXgCFclwBVnJcgNPTIQlP3hvLvaqSChSs"
                  "9WYjxOWF4Hj-TiWHFgwHvJM0OvFXxs3s0Y"},
        {"HS256", "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogImgiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                  "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.rDIovqKB8L2hwWHfpaWs5KEHFgOolKLuC2lszaDtV_M"},
},
  bad_tokens[] = {
      {"alg none, no signature",
       "eyJhbGciOiAibm9uZSIsICJraWQiOiAiciIsICJ0eXAiOiAiSldUIn0.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsIC"
       "JzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9."},
      {"alg none, some signature",
       "eyJhbGciOiAibm9uZSIsICJraWQiOiAiciIsICJ0eXAiOiAiSldUIn0.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsIC"
       "JzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.AAAA"},
      {"alg None",
       "eyJhbGciOiAiTm9uZSIsICJraWQiOiAiciIsICJ0eXAiOiAiSldUIn0.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsIC"
       "JzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.Vn1YrXpiTkA2IivsM9ii4EG4tMvgYQGPDTr1rqJ1VnLnAcMwLMJT1bI"
       "1mKmwT_XjSC5IFIBKGoSzQsarSr8_aPB6doxfHG33V4JeTgpuzw4pNDG2l2zapBI1T-55hGPoiNJHV5rxuggdUwAms"
       "t4dNJ_13b6NZW5cH0RHFrrdotEyVIzlHw_d6qLm3bVRfnF58mN-oRTzDLZHlASv5cZfA6cKq_9n4VmOrRZxs0OsqJH"
       "zVWczkSQHCY9XMBidiINY_KhM3SSO1bdvB0ATDXyyUcaq6Ph9SLpN_G18nwXg9yOJ7cO8VrAagS0OP3aa0BOv9o2tC"
       "xY8oItgO0rYv_JUAA"},
      {"HMAC with the RSA key as PEM",
       "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.ItrvBnGTVvwKqhR0jKkgHOXslGOKHp_94VyxXtRp9Lk"},
      {"HMAC with the RSA key as DER",
       "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.S3qlTHC7BBEQjolxXGujxHds1H8G_dJoQeRo9AyxLsI"},
      {"HMAC with the modulus",
       "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.eOOUtZFVXhk9fwB3CK5svdmT1mrOvaNX6Q4_2P87FQ0"},
      {"another alg than the key's",
       "eyJhbGciOiAiUlM1MTIiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.jCaN3AxxnJ3LcjAzMZN6Bnr7ownKis-aJxcEKLcGd8RfktjiHDoSh0"
       "7iY8gp2A3f35i91lCGNaNxsJMlBbl5fmB8Zsg8_5OZbS32X1BvdSZEdt3tdlZtwgGfhh1S74urk3szzduEzNGv79B2"
       "mX0BMF9LDqKYW1fW5l8YNFKobDY0WsqM_Ht5dhgOKMKl3A6nFWwzdiV6YJ05QdeDR6bqOAULIh0_ibOiNuQ6bZhZJY"
       "rsTmHm9AX8TxTWNTWAFMwRpiclGS_MstnUbf_rWRW1LfSgWeYnohQ5Bl9p0ltcsXTmdxY346_B3FELIJpMjUGQmYGS"
       "tBUK9gFtw4c25A14uw"},
      {"unknown kid",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogIngiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.l1-DCrBIeUMP8M0TrKf0AtCkiCCFHrUeMRhveps4sGHWTAzmZStMjv"
       "ScIaEd0u8tMFC1bhJ7Auoa3Ftk7gvnj-uGTqyXa1a1Obkd0I9AKof7QRLJnVatPmlzQjI9dGNsa4KPYD415DOkjKU8"
       "eJ5Ilr0QmFurnQvXAlflZl0cupQAKTAkTHoUYQ0S0xyhcGstb-O06-bNzYL-nHCVjq7FiTxy7RgtwD9ny2jwPIuKNd"
       "nSFcABE6DuB0Jmfd_hLB80-83iw_Y9_X-BgEFzlS517x4HATOHoNH0Se74mmYg8rrdzW_hC8ik0DQo974BfuKcgZxZ"
       "KXl_fAN1C4wNgaCycw"},
      {"another key's kid",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogImUiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.AjsFZafU0XV7XEKuaGgaoKqZx0d2vx09_S1auWhFWM77p4UIHEOV5r"
       "vUY6as6O06L6N9w37COBgnjLghyQ2cyPIi3eGtgET0FARni5gb6d06TJCLYLrTQizSD4SxFWwOyG8ET5Vq_-nYbsAa"
       "wFEA6p07hDiDoUmTUqlTnmJ5j-KhocDNc9KcFTz-jbdZhDjdTBBNQN8VTcunthpRZ1oaz9dJsLOCIzNrqN0W125DMU"
       "5hEBnEtg1HfPXucK2dDN9hE4kqPTzNqiiZ9SQr9XFPQEmPT6dtbxUiY8rVItjhigxeG082S97Dvsubl3C23QGyYr60"
       "Hn0lnWRGpX_XSCi8QA"},
      {"an EC kid under its alg, RSA's signature",
       "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImUiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.pGUv4H5oceSi-ktaS2M-ZsSoYyji04n3oqZpLivP9uFwNFJVJmpj3i"
       "4DMbiuBpVZNUIkbRhJKp5Y5SrTElPxxvPj6khs0vuPW1f1PSSTwMU_1btVZMPii3ygjWLKO0R5dkpbXqJ613ND0crZ"
       "pULDt1XYZEXTMVHvdFv0pmsRGPJDvhTMKvR9VImoKD_i9DMIjeJmAtXxF9nhEcxuefJ63rp6AUjZYU7Hx1pawc3qsJ"
       "U_9CHmZFVWGsZKdFZRf3BWyh080U5WylGEae4iy5ltiXYoxRIhfv_Qla2_cY-qC8eBDSha_8Lp94Z-VdDf6frKBILC"
       "oiRRp66rIJamM2AHhw"},
      {"no kid, several keys",
       "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsICJzdWIiOiAiYm9iI"
       "iwgImV4cCI6IDIwMDB9.MEMgpDeBvDRG2o-zoc_P66kd5pK1xu_EuZ3L9BnzZQlzbhtckODNd8IPlKpVT5sbgecTvI"
       "rEnj9_R_Rv3VjlWHJ5_qRKW3Y8ZcheayO25MltnO4grOwO4MnWhQdrnLK7sTXlZVMAWxnOIsH6HYRAe108hIw8-3WS"
       "q4fwLAAyg5qmAVDvTIrleYIJSn13UM7dM_4C7bmfKodI44CG8cKDqamgqyfniv4h1ZkjXkDe9Wbrd5EdV8LMDROR3e"
       "eKiqZuqP8hParIhxHevBJS26Vf7Lh6JT_q5Q2FozBzfX-bcy6hcyO6SnXHpRzOOO7Ozj6NYBmMjTyUzRjFX2bM1RuC"
       "PA"},
      {"kid is a number",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogNywgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsICJ"
       "zdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.eXjI3p3y5Bu-4cWC9LoUilava7FbG1SWo6JQmFpstrFPGdqhBPuz9nuV"
       "4V1K5-R5ynAGgj4G1ztEeFFE4Wn-MByOqp6TuR6XqFSOHxu22-96rLsQ22er9sRjKX-_2m3vwcw9EyOgwP2_bpAMis"
       "M7m0WCnRbOjybt8-A59_4-qhSSX8ZVNY3aJjJkbyhZ5E2mDMCAk6ClmcaOSzhBWJq-kvJhmVdfGRjVJBDjdqkqDRyI"
       "1yuPtoDmEWhT_08yGf_alygWrzt0smOnYG8G7QfIuBZpWhKaUHQzO7fowduKgyaaIdgXaTSjKufPEv8_WzhXi1lkXq"
       "8yi_ftR7jOl5PbLw"},
      {"crit", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCIsICJjcml0IjogWyJleHAiXX0.eyJpc3MiOi"
               "AiaSIsICJhdWQiOiAiYSIsICJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.Llp-Sm7Pc0TMlG7dO8_6rV6u91gwTi6"
               "1u9yBu4757ukLcblRfXf7Bwf01FEhG4fmZXJdm3j74qo5nUGDqc0mJVyWr3VqmLWKtDU_h9URNU4mSfKX_zzWGTu9t"
               "rs0oh-BdrVIBakce1HBNTbRjGqaEJ-wuv758vayjfgqFEKxv7pk30OWdB2Au8tTRSWHsx7SjYCfbms92mAz9mqj1C7"
               "ixgXHGfMU27uPHaspcZw4qaDEbrQjYXCsrgkCAxykI4DagOST-A7p-qaP2EneF0Y6qjXFTGHRcOirC4jGubCHBjsl9"
               "OfxOHKcvsenngoaAecAdo9ThoXmNc0lg7sIwcNf_g"},
      {"no exp", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                 "CJzdWIiOiAiYm9iIn0.VEHLWgrV-AXI_9ye1ona_8izyrswXUKbB32m4picHRI1ZBZjtOQbVkE1-iDynD8iJ4_cSMq"
                 "Vvawyosi0wioXkhByqhXqP6oSPQtHTlnxxTffc86r9kb9HPeed2TKbPOqwLm8hyq-wRLmEZt-es0QNHf8R6vvxDCNR"
                 "n2Zj-PxqOzls-bcIaxjnCMXd6FVYUxX5NbCwhh49TuZLr9Xo_OCJHMqhej3MQR4eZBrN09FezKPGrXRs69NuDWraLy"
                 "IyNqRb7pnEp0gFvph7ZNW5WF8jyqgBhKedKwU767fbpX6EHrHJd8hG0OV-r4wt-umQr-NhqhYFui7NZqMXHpKouUgd"
                 "Q"},
      {"exp is a text",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6ICIyMDAwIn0.JEV7TsAf6K5Ozf1XmskqNKXUUcH5ZOplDj0joDuS12pu6Lfh4Gb"
       "hXKU85dwaGPgZ-u2HMmXxIWeXVZK9os-Hxy8spnQz-R-9XvyfoUgG6XVPyB-5bM6_tm0o0bNXni7wUiNivPmxT5koW"
       "NO-rztth6i7VyClC7ObDntEZlv4jJiz6Hc_MoOyjMNZhX4oioc3kaAqeDW-OrCltsatV4GoxK9sTX5rGn3kvneobVT"
       "XroeF_siB1mHdKK84m3nSWj_6oM8a5LKfEQfUUtAzqQ-VwWz-LR7ZcpTBzFyPjxSQO_J9E-QsdYMcoGQKE6heOUg4O"
       "Kmcn_IvI79Ssk5za2nPaw"},
      {"exp is negative",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IC0xfQ.GZWQmPObmdAJmPVumjfGc6Otvy5YECTWtUGqwAlPqQmC5reTUcM1rvXP"
       "pz_LEHB8_0Re5S73FJHCm0uh-0HZeSrpbik_C4AKTFzVZzh9G0DsTRx40ejcYV3NDh9a4Xd6_K0vdEuFc-YP-TAstW"
       "YhRdHwD5zH3VSU3iEoBXsBrSkhizyi-iNsVHm90qGMDLkMhbZsnHpObaY17JmHgykymI8GwroTSg7KaiIEa9NcR-fB"
       "8ylp84jpqaNZfAwh5sYcVPHlL99zNUIwGyO77v0VnO711_BeI9HX-4OcYQYKhQs5ntJqYx48sQI0rxV_wqjB3fRJzG"
       "1Xl_zb13BMJsRprg"},
      {"exp beyond all time",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDFlKzMwMH0.V1NARYtnBq1y5juaRjWO_WP9ZFAL7tXkClq878a2wdDDMX9QGMO"
       "vMweveqeQ2pnOKVal1xmC3GD3xweqQVd-AUTfPARfIfkOExiYPkC7dKVUL5MQM_f4SGAgm8EgfvweaPnRNd-6a6qC7"
       "UB-yWQDEn64rJsHwLFQ4Owk9_zaN1EWeBKtBaxNzRVJjE0fAqKnftfVq_gJX_VrTB8CAuIqAjTSJySeJC6KxjZW7TZ"
       "KYrKmPR2yuyI4FOGgT_TOJvovTE32NVpfpXV_ZM3NSqjYr4YPFdYl6WJ9548wKJkoIUWzGUaxYjfp_pnVhFzs4NyHh"
       "LYQXWVg1_RUlzqffnOa1w"},
      {"another iss",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaiIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.hd-uNWvDfALaH0060NkxtezEnNK2C_lePQdGnF5N5dbDj0fOkbDQ3k"
       "_U3BocxKAbFz-HwqHtt1tX_kdcAQ0-b5_5_yGQm5MuSyh8dB9Z5Oz9AzYg8OXzUP_StBrDh7-RQQZ3j0SuTNPs-eZm"
       "7Ejx_k21eNyXxkKf8aDT6ErlMLvCCTgdu5qdaXrIGlrjWfH9elIp3d61tSj_qS4M12Ty70nYo3oCLTaTUffM16JNaR"
       "fPsoTwTAItq3eW3qAvsxp5tNOXwoD_Rsk_xgBSg2kmqofc5_759tSQOb6SRA4bTjZ27WGFlbpi2ncy3uJbYa762KRg"
       "xv9I5w5stnsFAwgN5g"},
      {"iss is a list",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiBbImkiXSwgImF1ZCI6ICJhI"
       "iwgInN1YiI6ICJib2IiLCAiZXhwIjogMjAwMH0.GvY2kwB1l8zkQSAWpdP1ca94aRSDw5SdCRSc8e3wHD0YCBlQkAZ"
       "en96oc0V-pLVGDcrsPwDWJeoxlT4PwPbQOlm7-CWfr3MNn2gAMacturUyOuiXMI5qnCFhbX3ZLEoj-Boc5Z_cze6Z8"
       "7RpIsRws0l3eZ5Y_q0aul2joE88yM0VS_4y_I0QfmtONlERQ6GXkKoiFmq2rtWnTzXQTaovkra_hldKyxwcddJzP51"
       "qWytnjjpdthkLFDBLZtGrVSt4uyegOvS0FChnVeeyzrNDAxOTE65tWA9HZAGtz6HyOpW1uU8o9kUvRUHGQ89IA7P5C"
       "EmqRNdztJxhmEh85B3BLg"},
      {"no iss", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJhdWQiOiAiYSIsICJzdWIiOiAiYm9iI"
                 "iwgImV4cCI6IDIwMDB9.ow0ggZcsc2XbaqAdCY14SGB1IAjAU83O2x6izLu_oqKCi6oP1OEoMbzkaIoy0F_nCk_87Z"
                 "gEy1TBh_5OBRi5eMPyBNT5SsdJ6GoiuyRlj_HXxOhayk4sQ3QQbHLVk6xvriBBNdg7xTkMfDoHBWmc0I17GcjhaLKr"
                 "ocT_MsMIPsYrm-AgRLayIWoBzF29X2_3uQrf-cobQl3Gruo4KI92FpjclmBIYcH3u9BK-LKauHnq7PBtopXuvkjGYb"
                 "VzHfsNxD5G202nSWYtZwAnDGvXH8lIEzkO2IeCr5mgqtGgnWLw2A9_07VybLfOYkbw6B5muhkTgkHxijV60RVxwKd1"
                 "QA"},
      {"another aud",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYiIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.qlXLXq4JTmq8I7O5A9nIQPe8qKCtpoEHvwWMIlSrW0MYeHfntg5YLF"
       "cy7HOcLiJZ_TyeH9RcASBVWCZCY0BgsGRr6sn2fV5dRGN2jnm8sKyJTgdsHlhs78lefqEdbyiFA2D_GotBXAvi_yFJ"
       "cNxQVUwngGbeEDvuvfKt2g45i1e7djekeKhyjHWQaYuwMN8UFoPrM4HSdiAuEfuRiWy9K6aHZCEZtU_atYdIvlFWGj"
       "jSwZwUVubCvd-2qVfeozJJuHHp3REjjmLz2aDrZiFNIND-qZ-es375QbvoRO-Y5Lr3RqizzSMr8Y0e4s9BYigECdcL"
       "XpwmLBf6s_-zOQ7oaQ"},
      {"others' aud",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiBbImIiL"
       "CAiYyJdLCAic3ViIjogImJvYiIsICJleHAiOiAyMDAwfQ.iHrVqvvO9Rihlc0Kb3mIBcJ6CAbs8fo6UnNpfdSNiW6o"
       "TiBhGgFf3DMl6rAfZaWUd-OcZ4iJLZUUok-X0PGOl3jA6fuiKNzEVpcMc2Likgg_E6S7F8-UzP9JPlUTPg7YPF-JxF"
       "iYJRobOweQY1XCferT8qRN4JzkDtoBZZuNQDQHpeoHAljDhW9MT_buxZmORMctuwj5gqwktqrVu-W203fpn1CL3YDX"
       "i5HJtJwiR7giME9B_Ghu_MgwBtpv48U9FJ--Ycy2mRSSqLZRFidUFsK2HQqykGN8oG7ot4srrG-LKr2LfB0Mxlrrro"
       "ksPtZV7hkFpL4npMnehpOjpVx9Rg"},
      {"no aud", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJzdWIiOiAiYm9iI"
                 "iwgImV4cCI6IDIwMDB9.VCH23bvongmNCaLoXA6JqPlpva_21Mkj49BKkMCygTBLkhMZ_U6nziwRlxfE_mP_OHCe5Y"
                 "0e6IvDsH4JmKXM9_s6KzEE6iZ4Xp-0Aw9J04XIUiWm5g8_nh7YpoorriIT-7EWECiCCPjgAW3fgMiE2Xm1jH8pONJ_"
                 "nLnGzKvH4l3lQU8QQ9OfIMkH6xs6W-cr9fEndldiRMsGKqQJ39nNMmA0gNk_FMwJopikTfeT2wvS0FRLEXlYkUzdnu"
                 "FxQyHnLlBPw5NauPoywa7bdNBH8rEWhLSANdZ4jsj_8p-FYiKgiloDnqFCMDFGQeJqwpUgjXbMdRuMkmSlUJHzB0h5"
                 "5g"},
      {"aud that begins alike",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYWIiL"
       "CAic3ViIjogImJvYiIsICJleHAiOiAyMDAwfQ.MSn6bRJbVYct22BhZOzRkFsBgOH--f2zfxezU4IJbkMlVJbCkMNG"
       "WZXvkneEkbSyFHM5Iy2QJRZ-dcADuwCryMPAYP5FU3pUvyTMlQDMSMihpwD-0sQGMB8KkYMdX3566NHiAC2V3wjwqR"
       "FugE2Y5zx0Aa_hbviRXCSk9ZqvHF9NowF0dW39t0hOpF0ZDFCdrFMEODkNNVBuKNsoV1XYqCGVFVlOpwr3TlFItZqh"
       "WTpYoFKOaJ3VZ1nQGjXDfQzkwsNvTySaoquCx3ss-7jTNPj363V7Ltp-3oxqoHTsWgBtV-tVJaQ0Ox2KLTLacO8QI4"
       "BMYbIZ_x-c6ENYzlYKtw"},
      {"no sub",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJleHAiOiAyMDAwfQ.pyepWLiJJZrVsyppnV9-qoIPKmtUabHC_NMbGiDbCkVj2O8fHDg-AgyApwqDhGo6fLSQQiHS"
       "ZeNZgxyOSNfvjwRc9Wjb8PdDvpvxSq-U5y6SnB81jwDvkBjUYwN9-kGFaTJ1A7HwKn-IbojKlFrEwzVv5w6vlkuqFH"
       "UhGisydMxlZmALNAfOr-Dk4pZvVz_r_UYqs1uIo_az6KImATlZPChe60c8T_ogBy8zWltak1Cqw7MH2GZ-V1EF1iDj"
       "igyJnURdIzuzqyjN8gZ7Re5P99-W37oFf9R7cC56S3xoR_fB-qiuQmg2vYx6WDCmP-XpryTZhMR3UoKiqpK9g_B7OQ"},
      {"empty sub",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiIiwgImV4cCI6IDIwMDB9.Raq5ze86eChxgDLfdNxrj3hrntK6kcf7G5wq4-tIh6krlCxRT3uWp1-Qvp"
       "JzZj_sLgrQOfcaxhQcIAKAJvfbJXv0Nat1VaJRrmrGBG0b_1GtBzQ_2mKZ8TMZDpAA725ggADUsMToREpiAGXwG_sD"
       "LflQa-wCNZsPcze-UF_oXpDqjkHzHZKB0gF5eeEwqEVzG1rskjsdre7RXqhgtGQOfCbQWdZnbc4x88cEGEtoFybCjc"
       "sNToYnfl7ja9ruGF5fY75LIMHhk9qI4j0_ZGLWBuK2580Hr8MOJNGYwHGugB459beLXNhhGyhudXajbWxWBjmc_o6P"
       "HyDxQuwjq1eNYQ"},
      {"sub is a number",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiA1LCAiZXhwIjogMjAwMH0.jt1A6k-kPd3EkNU4ilnB7C-6Yk190pkwdL57eEJN1119UIbpi8mFJZjIjXR"
       "ZQVdlzuODxwc3LGEjDa-fusjt2eSOZJlYW27mQ64YLbQE4rsmyGo6ALavYdFVkjsk4jxEUpNo8DHUGvNiCbxBmKlKe"
       "36eqF3bIJx__YLnU2QYwfZ9_gt0Gk0Od2V5DaZNzsVmJLp9TNQqVV5O0lXw6Xj13LvIVX5PZpQGmyXZtfNS8UakY4k"
       "L24-2fHMfucmmQXtLzaK5mz19QxNo0kOQZzUkTsq9ndFDz8fMF9JyrUb_ia915EBuKuAoqzxgbXiwV2qc4zLxeMqOj"
       "qfTwadRFnU00A"},
      {"sub with a NUL",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iXHUwMDAweCIsICJleHAiOiAyMDAwfQ.RLLQ_fIZIrBPtg_-jBVcPIQr_zxGBZ_Qi8Vx14GHAYug"
       "EN7SyTDdWO1rGyrSK8iDbC3lFK69d9AKToUe3q8WVEIRbk36yTs9L6EVDDs3L-f-KJuCx6Xwj3AGeiTf-OulctNJHK"
       "yCqfJGx_swkBubIcdf9ye-Xms3x2ctljaFRZzpIcBzCCPTYB19vJlyTEO_QUUYqm7lJ06Po8R42gxAc7prgv9kkhHS"
       "aL_DFV1hBW6juJj2aBSA7PSEmhKUoyuKqhbWvnFPLbNqcSafbi7TUFODDkQdqnA3pnNm_iFXWx0a0ho_MllcDakzYJ"
       "04W37mTw7BnPl44DPS3G8oh2V7rQ"},
      {"a long sub",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAieHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
       "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4e"
       "Hh4eCIsICJleHAiOiAyMDAwfQ.M_BwaGUQsq5VNlGl-94wZgeZeZ0FGH3_0PJ7qP6Y38YaXSm7xPk0eemzf-2ivruV"
       "WAI-abQaoE8sA0AumuZN0F80U7CJ8kLaAhP7W2D2swddGocRVv12ddrC-QccVK7m_w5BI3Ue_QgJtiizuOiBViQ-nj"
       "7TIptWwqW4UB-1ZVL9mVowOlhe70ig8tLTBHvvwyJOKNNQi_MemlIkIoNZiymg73T2S96pCU14KBdEsjtoFkbA5-tW"
       "pNbIqdBltT5uzjIq06C0lLwaNYYIWK4d-tdV8ke3M8rpjXa9cyRRRQVEtPd-u9J2vAntMv4vr7l9CwH44YPXppmMaX"
       "drkR8Qog"},
      {"nbf to come",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDAsICJuYmYiOiAxMTAwfQ.fIXkfDrtgxQIcnCAfRkGos-wSngPyzafzmhU"
       "LqVwt2als2bChkJXiqX7VrUJWIKUWPEIMjnyuAbwJW011jAjDhAhmOoervl91_TWh1kXNUapg6cLvm0WPHM7JoCwMf"
       "G8OGMBuSetRaxk1WmEhBYfuAcwpL9JrYZdjCIS2GJ7kN4GjXIZCksiq-Wac01gMvoT7mp9N4dPEW68-Q06-WhQLUav"
       "qWyk6oQQ_gVsQXQGuTbbkJkNPOFBP4-3bZT6q9nw742mIMMcu1TtjuikXVONqI5aePro9ZwIE1Gz4puhgu65OQI726"
       "IDjahyIcUqvNAtYWUS81tau463mOD_4Bcbgw"},
      {"nbf is a text",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDAsICJuYmYiOiAiMSJ9.DLlcTQ0GXkHfpjqHXXyVB7eqeFGkGR2UYM5ShN"
       "wjKPHZUcdon7S5gi8P1hajV3-wJ-5N9wHMsbUrqyeE4hBL-nKy1lKPiW7EFt4JjhdEN8eCasep8KlewtWxFoRzOxul"
       "Ez3KWGteX_fjK2jgixJOe2-NdRHc7nL0tMwjE9Y-Te9Lmn3c3JrnAhvEsDy_kvMkGXLnQq11UdDV6keBJJO8nj44C3"
       "kZMfalh4g5cwtirx-ohrGf1iFgfNO6_cm0H6jzef_vYQ7ad9CpFhfi-bWP8CVfWD2wMRlWIU-pe__a7kRPtF8tlwb1"
       "BFh_0IGssWl27kT_kgiOD1LMfUR8N13AKQ"},
      {"claims changed",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiZXZlIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
       "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
       "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
       "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
       "VEsxifWyVag37G16zg"},
      {"signature cut",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
       "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
       "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
       "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
       "VEsxifWyVag37G"},
      {"signature empty",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9."},
      {"padding", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                  "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
                  "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
                  "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
                  "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
                  "VEsxifWyVag37G16zg="},
      {"a space", "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
                  "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
                  "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
                  "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
                  "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
                  "VEsxifWyVag37G16zg "},
      {"a fourth part",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
       "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
       "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
       "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
       "VEsxifWyVag37G16zg.x"},
      {"two parts",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9"},
      {"bits left over",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK"
       "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
       "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
       "RJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
       "VEsxifWyVag37G16zh"},
      {"plus and slash",
       "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInIiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M/5qmS5rk0ShzcvrW0YlC47tQPVAvZ+97SCyw1PrrLwZKLhSHWvIAK"
       "2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJv"
       "oEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9z"
       "RJIFJwKevYm/D/Q+B9bS3MN6OEqTLX/VpJ65oUZUE8CjDMLcecfwJFqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSW"
       "VEsxifWyVag37G16zg"},
      {"header no JSON",
       "eA.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsICJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW0"
       "YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1pO"
       "RBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJvoEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX2"
       "bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9zRJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJF"
       "qFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSWVEsxifWyVag37G16zg"},
      {"header a list",
       "W10.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsICJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.M_5qmS5rk0ShzcvrW"
       "0YlC47tQPVAvZ-97SCyw1PrrLwZKLhSHWvIAK2kE0Ux0XafIj4lRnU94fkgmr52onDxCT8zeEQ3CjOw0TX3JkE9W1p"
       "ORBSVyuklMkXGhCNBszch9gTfb3IfdZKK3hJvoEdlVgfVEMl9nzy860nrga1Pz2Vu04lsZm38N3dRQ6WVsIMy0bylX"
       "2bSzlB6VipLH7npUiuZtbS8UTG1ohJ3s1ay9zRJIFJwKevYm_D_Q-B9bS3MN6OEqTLX_VpJ65oUZUE8CjDMLcecfwJ"
       "FqFESWiFwOK95tWWgNXMUYwVLMcsSLCXaJsSWVEsxifWyVag37G16zg"},
      {"DER in place of two numbers",
       "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImUiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.MEYCIQC43yPc4XGU_8_cYcM2rpy47P7LKYE0tilPBHzmBtKggwIhAM"
       "JfU2GX_Hq6g7dCCUgYCoxHgoU_ZWf_-N8mq7pyDGYe"},
      {"r and s 0",
       "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImUiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
       "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDB9.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
      {"a claim given twice",
       "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJpIiwiYXVkIjoiYSIsInN1YiI6ImJvYiIsImV4cCI6MjA"
       "wMCwiZXhwIjozMDAwfQ.XaPdWeNNtlL30MTqyVgeW0HEu3WmnwLy5p3aO9KeAMGGxKAId-SYDVK5kpPp-Nk2WMEKvn"
       "sM-EaOTprfx2Oot9VIQmOUMroXHErWqcQmZEoLTDla0O6YmK8nEsbbf_v93VjkjfBSiH-mIQUzIxWj31P8mqdUviV0"
       "2c6Qt0iX8jXJP0I0QnUyTyFmc5TTOCLWO0JhChrPX-aUSnco3ns6V46l0CoC1IpgkhIHLUSq_07tXkPNsB4859qIvS"
       "hRRq1O4yB1YgNWe268nN6vbt7g8__7m1cOq6k778i80561NKzpGcHkVkXcRYfob0BkGK0E8nOb7sFNS556xw6QiEVE"
       "Cg"},
};

static const char rich_token[] =
    "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogImgiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiBbImIiL"
    "CAiYSJdLCAic3ViIjogImF8Yi9jJSIsICJleHAiOiAyMDAwLCAidGVuYW50IjogImFjbWUiLCAibW9kZWxzIjogWyJ"
    "4IiwgInkiXX0.FeYMgUPsfoHHLsPICfv4ZvtMNtHRGdZN1bwqQYz6p04";
static const char early_token[] =
    "eyJhbGciOiAiSFMyNTYiLCAia2lkIjogImgiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaSIsICJhdWQiOiAiYSIsI"
    "CJzdWIiOiAiYm9iIiwgImV4cCI6IDIwMDAsICJuYmYiOiAxMDMwfQ.w1GjMmQjPEsYdd9SALAEbSZ9KuUVrQx-rg3c"
    "0DG1Ll8";
