// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// The generated C structures under names that a person can read.
enum C {
  typealias Experiment = Api__V1__Beta1__Experiment
  typealias ExperimentSpec = Api__V1__Beta1__ExperimentSpec
  typealias ParameterSpecs = Api__V1__Beta1__ExperimentSpec__ParameterSpecs
  typealias ParameterSpec = Api__V1__Beta1__ParameterSpec
  typealias FeasibleSpace = Api__V1__Beta1__FeasibleSpace
  typealias ObjectiveSpec = Api__V1__Beta1__ObjectiveSpec
  typealias AlgorithmSpec = Api__V1__Beta1__AlgorithmSpec
  typealias AlgorithmSetting = Api__V1__Beta1__AlgorithmSetting
  typealias EarlyStoppingSpec = Api__V1__Beta1__EarlyStoppingSpec
  typealias EarlyStoppingSetting = Api__V1__Beta1__EarlyStoppingSetting
  typealias NasConfig = Api__V1__Beta1__NasConfig
  typealias NasOperations = Api__V1__Beta1__NasConfig__Operations
  typealias GraphConfig = Api__V1__Beta1__GraphConfig
  typealias Operation = Api__V1__Beta1__Operation
  typealias OperationParameters = Api__V1__Beta1__Operation__ParameterSpecs
  typealias Trial = Api__V1__Beta1__Trial
  typealias TrialSpec = Api__V1__Beta1__TrialSpec
  typealias TrialAssignments = Api__V1__Beta1__TrialSpec__ParameterAssignments
  typealias TrialLabel = Api__V1__Beta1__TrialSpec__LabelsEntry
  typealias TrialStatus = Api__V1__Beta1__TrialStatus
  typealias Observation = Api__V1__Beta1__Observation
  typealias Metric = Api__V1__Beta1__Metric
  typealias ParameterAssignment = Api__V1__Beta1__ParameterAssignment
  typealias GetSuggestionsRequest = Api__V1__Beta1__GetSuggestionsRequest
  typealias GetSuggestionsReply = Api__V1__Beta1__GetSuggestionsReply
  typealias SuggestedAssignments = Api__V1__Beta1__GetSuggestionsReply__ParameterAssignments
  typealias SuggestedLabel = Api__V1__Beta1__GetSuggestionsReply__ParameterAssignments__LabelsEntry
  typealias EarlyStoppingRule = Api__V1__Beta1__EarlyStoppingRule
  typealias ValidateAlgorithmSettingsRequest = Api__V1__Beta1__ValidateAlgorithmSettingsRequest
  typealias HealthCheckRequest = Grpc__Health__V1__HealthCheckRequest
  typealias HealthCheckResponse = Grpc__Health__V1__HealthCheckResponse
  typealias ReflectionRequest = Grpc__Reflection__V1__ServerReflectionRequest
  typealias ExtensionRequest = Grpc__Reflection__V1__ExtensionRequest
  typealias ReflectionResponse = Grpc__Reflection__V1__ServerReflectionResponse
  typealias FileDescriptorResponse = Grpc__Reflection__V1__FileDescriptorResponse
  typealias ExtensionNumberResponse = Grpc__Reflection__V1__ExtensionNumberResponse
  typealias ListServiceResponse = Grpc__Reflection__V1__ListServiceResponse
  typealias ServiceResponse = Grpc__Reflection__V1__ServiceResponse
  typealias ErrorResponse = Grpc__Reflection__V1__ErrorResponse
  typealias GetEarlyStoppingRulesRequest = Api__V1__Beta1__GetEarlyStoppingRulesRequest
  typealias GetEarlyStoppingRulesReply = Api__V1__Beta1__GetEarlyStoppingRulesReply
  typealias ValidateEarlyStoppingSettingsRequest =
    Api__V1__Beta1__ValidateEarlyStoppingSettingsRequest
  typealias SetTrialStatusRequest = Api__V1__Beta1__SetTrialStatusRequest
  typealias ObservationLog = Api__V1__Beta1__ObservationLog
  typealias MetricLog = Api__V1__Beta1__MetricLog
  typealias GetObservationLogRequest = Api__V1__Beta1__GetObservationLogRequest
  typealias GetObservationLogReply = Api__V1__Beta1__GetObservationLogReply
  typealias Empty = Api__V1__Beta1__ValidateAlgorithmSettingsReply
}

// One initialiser each, by C's naming scheme.

extension C.Experiment: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__experiment__init(message)
  }
}

extension C.ExperimentSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__experiment_spec__init(message)
  }
}

extension C.ParameterSpecs: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__experiment_spec__parameter_specs__init(message)
  }
}

extension C.ParameterSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__parameter_spec__init(message)
  }
}

extension C.FeasibleSpace: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__feasible_space__init(message)
  }
}

extension C.ObjectiveSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__objective_spec__init(message)
  }
}

extension C.AlgorithmSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__algorithm_spec__init(message)
  }
}

extension C.AlgorithmSetting: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__algorithm_setting__init(message)
  }
}

extension C.EarlyStoppingSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__early_stopping_spec__init(message)
  }
}

extension C.EarlyStoppingSetting: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__early_stopping_setting__init(message)
  }
}

extension C.NasConfig: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__nas_config__init(message)
  }
}

extension C.NasOperations: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__nas_config__operations__init(message)
  }
}

extension C.GraphConfig: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__graph_config__init(message)
  }
}

extension C.Operation: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__operation__init(message)
  }
}

extension C.OperationParameters: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__operation__parameter_specs__init(message)
  }
}

extension C.Trial: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__trial__init(message)
  }
}

extension C.TrialSpec: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__trial_spec__init(message)
  }
}

extension C.TrialAssignments: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__trial_spec__parameter_assignments__init(message)
  }
}

extension C.TrialLabel: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__trial_spec__labels_entry__init(message)
  }
}

extension C.TrialStatus: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__trial_status__init(message)
  }
}

extension C.Observation: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__observation__init(message)
  }
}

extension C.Metric: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__metric__init(message)
  }
}

extension C.ParameterAssignment: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__parameter_assignment__init(message)
  }
}

extension C.GetSuggestionsRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_suggestions_request__init(message)
  }
}

extension C.GetSuggestionsReply: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_suggestions_reply__init(message)
  }
}

extension C.SuggestedAssignments: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_suggestions_reply__parameter_assignments__init(message)
  }
}

extension C.SuggestedLabel: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_suggestions_reply__parameter_assignments__labels_entry__init(message)
  }
}

extension C.EarlyStoppingRule: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__early_stopping_rule__init(message)
  }
}

extension C.ValidateAlgorithmSettingsRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__validate_algorithm_settings_request__init(message)
  }
}

extension C.HealthCheckRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__health__v1__health_check_request__init(message)
  }
}

extension C.HealthCheckResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__health__v1__health_check_response__init(message)
  }
}

extension C.ReflectionRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__server_reflection_request__init(message)
  }
}

extension C.ExtensionRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__extension_request__init(message)
  }
}

extension C.ReflectionResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__server_reflection_response__init(message)
  }
}

extension C.FileDescriptorResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__file_descriptor_response__init(message)
  }
}

extension C.ExtensionNumberResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__extension_number_response__init(message)
  }
}

extension C.ListServiceResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__list_service_response__init(message)
  }
}

extension C.ServiceResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__service_response__init(message)
  }
}

extension C.ErrorResponse: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    grpc__reflection__v1__error_response__init(message)
  }
}

extension C.GetEarlyStoppingRulesRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_early_stopping_rules_request__init(message)
  }
}

extension C.GetEarlyStoppingRulesReply: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_early_stopping_rules_reply__init(message)
  }
}

extension C.ValidateEarlyStoppingSettingsRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__validate_early_stopping_settings_request__init(message)
  }
}

extension C.SetTrialStatusRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__set_trial_status_request__init(message)
  }
}

extension C.ObservationLog: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__observation_log__init(message)
  }
}

extension C.MetricLog: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__metric_log__init(message)
  }
}

extension C.GetObservationLogRequest: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_observation_log_request__init(message)
  }
}

extension C.GetObservationLogReply: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__get_observation_log_reply__init(message)
  }
}

extension C.Empty: CMessage {
  static func initialise(_ message: UnsafeMutablePointer<Self>) {
    api__v1__beta1__validate_algorithm_settings_reply__init(message)
  }
}
